"""The partitions that a database has, as its catalogue tells."""

from collections.abc import Awaitable, Callable

import msgspec

from adapters.postgres.connect import Connection


class Held(Exception):  # noqa: N818 - a fact about a table
    """Somebody uses the table at this moment."""


class Partition(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One partition and its bounds, as literals that Postgres printed."""

    lower: str
    upper: str
    name: str
    parent: str


async def partitions(connection: Connection, parent: str) -> list[Partition]:
    """The partitions of a table, lowest first."""
    rows = await connection.fetch(
        """
        SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass($1)
        """,
        f"annals.{parent}",
    )
    found = []
    for row in rows:
        lower, upper = (part.strip("()'") for part in row["bound"].split("FROM ")[1].split(" TO "))
        found.append(Partition(lower=lower, upper=upper, name=row["relname"], parent=parent))
    return sorted(found, key=lambda each: (len(each.lower), each.lower))


async def left_over(connection: Connection) -> list[str]:
    """Tables that were detached and could not be dropped yet."""
    rows = await connection.fetch(
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = to_regnamespace('annals') AND relkind = 'r' AND NOT relispartition
            AND relname ~ '^(keys|effects|claims|settlements)_[0-9]+$'
        """
    )
    return [row["relname"] for row in rows]


async def expect_free(connection: Connection, name: str) -> None:
    """Do not even queue for a lock that somebody holds.

    A detachment is first marked and later finished. An append whose plan is older than the mark
    still takes a lock on the partition, and would wait behind ours.

    Raises:
        Held: when another session has any lock on it.
    """
    if await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_locks "
        "WHERE relation = to_regclass($1) AND granted AND pid <> pg_backend_pid())",
        f"annals.{name}",
    ):
        raise Held


def dropping(connection: Connection, name: str) -> Callable[[], Awaitable[None]]:
    """The step that drops a table which is no partition any more; it raises `Held`."""

    async def drop() -> None:
        await expect_free(connection, name)
        await connection.execute(f"DROP TABLE IF EXISTS annals.{name}")

    return drop
