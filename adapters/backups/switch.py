"""Databases change places: the restored one takes the name of the log's, which is kept aside.

Both renames are one transaction of the server's catalogue, so whatever is killed whenever, a
connection under the log's name finds the old log or the new one, whole. The first rename locks the
name: who connects meanwhile waits, is then told that the database is not what it was a moment ago,
and connects to the new one.

What each of our databases is, its comment says, as JSON: a list of them needs no table, and is
right whichever log serves.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec

from adapters.postgres.connect import Connection, close, connect, outages
from application.event_store import Outage

MAINTENANCE = ("postgres", "template1")
"""Databases of every server, from which the others are made and renamed."""

NEW, OLD = "new", "old"

_LONGEST = 63 - len("_restore_12345678")  # bytes of an identifier
_TRIES = 6  # each waits 5 s in the server for sessions to end


class Mark(msgspec.Struct, frozen=True, kw_only=True, tag="annals", tag_field="of"):
    """What a database's comment says: `kind` NEW (being restored) or OLD (it was replaced).

    `log` is the name under which the log serves. `step`, `done` and `total` are a restore's
    progress, `attempt` counts how often it was begun.
    """

    kind: str
    log: str
    restore: str
    at: datetime
    attempt: int = 1
    step: str = ""
    done: int = 0
    total: int = 0


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """One of our databases."""

    name: str
    bytes: int
    mark: Mark


class NotAllowed(Exception):  # noqa: N818 - a fact about the server
    """The database role may not do what a restore needs; nothing was touched.

    `missing` says what, one thing to a line.
    """

    def __init__(self, missing: Sequence[str]) -> None:
        """List everything that is missing."""
        super().__init__("; ".join(missing))
        self.missing = tuple(missing)


class InUse(Exception):  # noqa: N818 - a fact about the server
    """The databases cannot be renamed: somebody's sessions do not end."""


_RIGHTS = """
    SELECT r.rolsuper, r.rolcreatedb, r.rolname,
        pg_has_role(current_user, d.datdba, 'USAGE') AS owns, pg_get_userbyid(d.datdba) AS owner,
        (SELECT count(*) FROM pg_prepared_xacts AS x WHERE x.database = d.datname) AS prepared
    FROM pg_roles AS r, pg_database AS d WHERE r.rolname = current_user AND d.datname = $1
"""
# Of what a role may not see all, it sees no `backend_type`.
_UNTOUCHABLE = """
    SELECT s.usename, count(*) FROM pg_stat_activity AS s
    JOIN pg_roles AS theirs ON theirs.oid = s.usesysid
    JOIN pg_roles AS mine ON mine.rolname = current_user
    WHERE s.datname = $1 AND coalesce(s.backend_type, 'client backend') = 'client backend' AND NOT (
        mine.rolsuper OR NOT theirs.rolsuper AND (
            pg_has_role(current_user, s.usesysid, 'USAGE')
            OR pg_has_role(current_user, 'pg_signal_backend', 'USAGE')
        )
    )
    GROUP BY s.usename
"""
_END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datid = $1 AND coalesce(backend_type, 'client backend') = 'client backend'
"""
_LIKE = """
    SELECT format(
        'CREATE DATABASE %I TEMPLATE template0 ENCODING %L LOCALE_PROVIDER %s LC_COLLATE %L '
        'LC_CTYPE %L %s',
        $2::text, pg_encoding_to_char(encoding),
        CASE datlocprovider WHEN 'b' THEN 'builtin' WHEN 'i' THEN 'icu' ELSE 'libc' END,
        datcollate, datctype,
        CASE datlocprovider WHEN 'b' THEN format('BUILTIN_LOCALE %L', datlocale)
            WHEN 'i' THEN format('ICU_LOCALE %L', datlocale) ELSE '' END
    ) FROM pg_database WHERE datname = $1
"""
_SETTINGS = """
    SELECT format('ALTER %sDATABASE %I SET %I TO %L',
        CASE s.setrole WHEN 0 THEN '' ELSE format('ROLE %I IN ', pg_get_userbyid(s.setrole)) END,
        $2::text, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1))
    FROM pg_database AS d JOIN pg_db_role_setting AS s ON s.setdatabase = d.oid
    CROSS JOIN LATERAL unnest(s.setconfig) AS c
    WHERE d.datname = $1
"""
_GRANTS = """
    SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $2::text)
    FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL
    UNION ALL
    SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text,
        CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(a.grantee)) END,
        CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_database AS d CROSS JOIN LATERAL aclexplode(d.datacl) AS a
    WHERE d.datname = $1 AND a.grantee <> d.datdba
"""
_MARKS = """
    SELECT datname, shobj_description(oid, 'pg_database'), CASE
        WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END
    FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE '{"of":"annals"%'
    ORDER BY datname
"""


def name_of(url: str) -> str:
    """The name of the database that a URL leads to."""
    parts = urlsplit(url)
    return parts.path.removeprefix("/") or parts.username or "postgres"


def beside(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name)}"))


def new_name(log: str, restore: str) -> str:
    """What the database is called that a restore fills."""
    return f"{_cut(log)}_restore_{restore[-8:]}"


def old_name(log: str, restore: str) -> str:
    """What the log's database is called once it was replaced."""
    return f"{_cut(log)}_before_{restore[-8:]}"


def _cut(log: str) -> str:
    return log.encode()[:_LONGEST].decode(errors="ignore")


@asynccontextmanager
async def maintaining(url: str) -> AsyncIterator[Connection]:
    """A connection to a database of the server that is none of ours.

    Raises:
        NotAllowed: when the role may connect to none of them.
        Outage: when the server does not answer.
    """
    connection = await _connected(url)
    try:
        async with outages():
            yield connection
    finally:
        await close(connection)


async def _connected(url: str) -> Connection:
    for name in MAINTENANCE:
        try:
            return await connect(beside(url, name), role=None, name="annals restore")
        except Outage as outage:
            if not isinstance(outage.__cause__, asyncpg.PostgresError):
                raise
    names = " nor ".join(MAINTENANCE)
    raise NotAllowed([f"the role can connect neither to the database {names}"])


async def missing_rights(url: str) -> list[str]:
    """What keeps a restore from changing databases here; nothing, when it may.

    Raises:
        Outage: when the server does not answer.
    """
    log = name_of(url)
    try:
        async with maintaining(url) as connection:
            row = await connection.fetchrow(_RIGHTS, log)
            others = await connection.fetch(_UNTOUCHABLE, log)
    except NotAllowed as refused:
        return list(refused.missing)
    if row is None:
        return [f"there is no database {log}"]
    role, missing = row["rolname"], []
    if not (row["rolsuper"] or row["rolcreatedb"]):
        missing.append(f"the role {role} may not create databases (ALTER ROLE {role} CREATEDB)")
    if not row["owns"]:
        missing.append(f"the database {log} belongs to {row['owner']}, not to {role}")
    if row["prepared"]:
        missing.append(f"the database {log} has {row['prepared']} prepared transactions")
    missing += [
        f"{count} sessions of {user} in {log} cannot be ended by {role}" for user, count in others
    ]
    return missing


async def create_like(connection: Connection, log: str, name: str) -> None:
    """Make an empty database that is to the server what the log's is: locale, settings, grants."""
    await connection.execute(await connection.fetchval(_LIKE, log, name))
    for query in (_SETTINGS, _GRANTS):
        for row in await connection.fetch(query, log, name):
            await connection.execute(row[0])


async def drop(connection: Connection, name: str) -> None:
    """Remove a database, whoever is connected; does nothing where there is none."""
    await connection.execute(f'DROP DATABASE IF EXISTS "{_quoted(name)}" WITH (FORCE)')


async def mark(connection: Connection, name: str, says: Mark) -> None:
    """Say what a database is."""
    await connection.execute(_comment(name, says))


async def marked(connection: Any, log: str) -> list[Marked]:
    """Our databases beside a log's."""
    found = []
    for name, text, size in await connection.fetch(_MARKS):
        try:
            its = msgspec.json.decode(text, type=Mark)
        except msgspec.DecodeError:
            continue
        if its.log == log:
            found.append(Marked(name=name, bytes=size, mark=its))
    return found


async def switch(url: str, *, new: str, old: str, says: Mark) -> None:
    """Let `new` have the name of the log's database, which becomes `old`, marked with `says`.

    Raises:
        InUse: somebody's sessions do not end; nothing was changed.
        Outage: the server went away; both names were changed, or none.
    """
    log = name_of(url)
    async with maintaining(url) as renaming, maintaining(url) as ending:
        replaced = await ending.fetchval("SELECT oid FROM pg_database WHERE datname = $1", log)
        for _ in range(_TRIES):
            sessions = asyncio.create_task(_end_sessions(ending, replaced))
            try:
                await _rename(renaming, log=log, new=new, old=old, says=says)
            except asyncpg.ObjectInUseError:
                continue
            else:
                return
            finally:
                sessions.cancel()
                await asyncio.gather(sessions, return_exceptions=True)
        raise InUse(f"sessions in {log} do not end")


async def _rename(connection: Connection, *, log: str, new: str, old: str, says: Mark) -> None:
    async with connection.transaction():
        for name, becomes in ((log, old), (new, log)):
            await connection.execute(
                f'ALTER DATABASE "{_quoted(name)}" RENAME TO "{_quoted(becomes)}"'
            )
        await connection.execute(_comment(old, says))
        await connection.execute(f'COMMENT ON DATABASE "{_quoted(log)}" IS NULL')


async def _end_sessions(connection: Connection, database: int) -> None:
    """End whoever is there, until nobody is left; who comes meanwhile waits at the lock.

    The database is told by its number: a name would soon be the new log's.
    """
    while True:
        await connection.fetch(_END_SESSIONS, database)
        await asyncio.sleep(0.05)


def _comment(name: str, says: Mark) -> str:
    text = msgspec.json.encode(says).decode().replace("'", "''")
    return f"COMMENT ON DATABASE \"{_quoted(name)}\" IS E'{text.replace(chr(92), chr(92) * 2)}'"


def _quoted(name: str) -> str:
    return name.replace('"', '""')
