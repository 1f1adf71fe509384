"""`Ground` in Postgres: the database that a restore would replace, looked at through its log."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from adapters.backups.switch import missing_rights
from adapters.postgres.connect import Pool, outages
from application.live_log import ActorCount, Discarded, Newest, ThingCount, TypeCount
from domain.recorded import SYSTEM_TENANT
from domain.restores import RESTORE, RestoreCompleted

_MOST = 20
"""Rows of each list of what would go, the largest or newest first."""

_COMPLETED = """
    SELECT position, data FROM annals.events
    WHERE log_id = $1 AND tenant = $2 AND stream >= $3 AND stream < $4 AND type = $5
    ORDER BY position DESC
"""
_SELF = """
    SELECT l.incarnation, coalesce((
        SELECT max(position) FROM annals.events WHERE log_id = l.log_id
    ), 0) FROM annals.logs AS l WHERE l.log_id = $1
"""
_SPAN = """
    SELECT count(*), min(position), max(position) FROM annals.events
    WHERE log_id = $1 AND position > $2
"""
_TYPES = """
    SELECT type, count(*) FROM annals.events WHERE log_id = $1 AND position > $2
    GROUP BY type ORDER BY 2 DESC, 1 LIMIT 200
"""
_THINGS = """
    SELECT kind, count(*) FROM (
        SELECT DISTINCT split_part(stream, '/', 1) AS kind, tenant, stream FROM annals.events
        WHERE log_id = $1 AND position > $2
    ) AS s GROUP BY kind ORDER BY 2 DESC, 1
"""
_ACTORS = f"""
    SELECT actor, count(*) FROM annals.events WHERE log_id = $1 AND position > $2
    GROUP BY actor ORDER BY 2 DESC, 1 LIMIT {_MOST}
"""  # noqa: S608 - a number
_NEWEST = f"""
    SELECT position, type, stream, actor, recorded_at FROM annals.events
    WHERE log_id = $1 AND position > $2 ORDER BY position DESC LIMIT {_MOST}
"""  # noqa: S608 - a number


class PostgresGround:
    """What a restore would replace."""

    def __init__(self, url: str, readers: Pool, log_id: int = 1) -> None:
        """`readers` may read the log at this URL."""
        self._url = url
        self._readers = readers
        self._log_id = log_id

    async def missing_rights(self) -> Sequence[str]:
        """See `Ground.missing_rights`."""
        return await missing_rights(self._url)

    async def lineage(self) -> Sequence[tuple[UUID, int]]:
        """See `Ground.lineage`: every `restore.completed` names the log that it goes on from."""
        first, behind = RESTORE.stream(""), f"{RESTORE.category}0"  # "0" follows "/"
        tag = str(RestoreCompleted.__struct_config__.tag)
        async with outages(), self._readers.acquire(timeout=5.0) as connection:
            [own] = await connection.fetch(_SELF, self._log_id)
            rows = await connection.fetch(
                _COMPLETED, self._log_id, SYSTEM_TENANT, first, behind, tag
            )
        found = [(own[0], own[1])]
        for _, data in rows:
            completed = msgspec.json.decode(data)
            found.append((UUID(completed["source"]), completed["position"]))
        return found

    async def discarded(self, after: int) -> Discarded:
        """See `Ground.discarded`."""
        which = (self._log_id, after)
        async with (
            outages(),
            self._readers.acquire(timeout=5.0) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            [span] = await connection.fetch(_SPAN, *which)
            types = await connection.fetch(_TYPES, *which)
            things = await connection.fetch(_THINGS, *which)
            actors = await connection.fetch(_ACTORS, *which)
            newest = await connection.fetch(_NEWEST, *which)
        return Discarded(
            events=span[0],
            first=span[1],
            last=span[2],
            types=[TypeCount(type=name, count=count) for name, count in types],
            things=[ThingCount(kind=name, count=count) for name, count in things],
            actors=[ActorCount(actor=name, count=count) for name, count in actors],
            newest=[Newest(**dict(row)) for row in newest],
        )
