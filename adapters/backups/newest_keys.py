"""Which data keys a restored log gets: the newest known, and none that was destroyed since.

A restore must not undo an erasure. The keys come from the newest backup's key file; over them comes
what the live database says, which is newer still. Whoever had a key in the restored backup and has
none in what is newer stays without: a tombstone keeps others from making that owner a new key, with
which the old fields could not be opened either.
"""

import asyncio
from collections.abc import Iterator

from adapters.backups.fence import as_owner
from adapters.backups.replay import copied
from adapters.backups.scratch import wrapped_keys
from application.backup_repository import BackupRepository

_COLUMNS = ("log_id", "tenant", "kind", "owner", "wrapped", "created_at", "destroyed_at")
_KEYS = f"SELECT {', '.join(_COLUMNS)} FROM annals.data_keys WHERE log_id = $1"  # noqa: S608 - constants
_ASIDE = "CREATE TEMPORARY TABLE newer (LIKE annals.data_keys)"
_TAKE = """
    INSERT INTO annals.data_keys AS k SELECT * FROM pg_temp.newer AS n
    WHERE n.wrapped IS NULL OR $1
    ON CONFLICT (log_id, tenant, kind, owner) DO UPDATE
    SET wrapped = NULL, destroyed_at = excluded.destroyed_at
    WHERE excluded.wrapped IS NULL AND k.wrapped IS NOT NULL
"""
_DESTROY_GONE = """
    UPDATE annals.data_keys AS k SET wrapped = NULL, destroyed_at = clock_timestamp()
    WHERE k.wrapped IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_temp.newer AS n WHERE n.log_id = k.log_id AND n.tenant = k.tenant
            AND n.kind = k.kind AND n.owner = k.owner
    )
"""
_BURY = """
    INSERT INTO annals.data_keys (log_id, tenant, kind, owner, wrapped, destroyed_at)
    SELECT $1, *, NULL, clock_timestamp() FROM unnest($2::text[], $3::text[], $4::text[])
    ON CONFLICT DO NOTHING
"""


async def bury_missing(
    new: str, repository: BackupRepository, version: str, *, log_id: int = 1
) -> None:
    """Let those stay without a key that the version knew and the loaded, newer key file does not.

    Raises:
        Damaged, NoSuchVersion, RepositoryFailed: as the repository does.
        Outage: when the server does not answer.
    """
    known = await asyncio.to_thread(lambda: list(_owners(repository, version, log_id)))
    tenants, kinds, owners = ([each[at] for each in known] for at in range(3))
    async with as_owner(new) as target:
        await target.execute(_BURY, log_id, tenants, kinds, owners)


async def overlay_live(live: str, new: str, *, same_log: bool, log_id: int = 1) -> None:
    """Take the live database's word about keys: all of it, or only what it knows as destroyed.

    Raises:
        Outage: when one of the servers does not answer.
    """
    async with as_owner(live) as source, as_owner(new) as target, target.transaction():
        await target.execute(_ASIDE)
        await copied(source, target, "newer", _COLUMNS, _KEYS, (log_id,), schema=None)
        await target.execute(_TAKE, same_log)
        if same_log:
            await target.execute(_DESTROY_GONE)
        await target.execute("DROP TABLE pg_temp.newer")


def _owners(
    repository: BackupRepository, version: str, log_id: int
) -> Iterator[tuple[str, str, str]]:
    for key in wrapped_keys(repository, version):
        if key.log_id == log_id:
            yield key.tenant, key.kind, key.owner
