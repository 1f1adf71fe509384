"""Which accounts have lost their key without the log telling that they were erased."""

from collections.abc import Sequence

from adapters.postgres.connect import Pool, outages
from domain.accounts import ACCOUNT, AccountKeysDestroyed
from domain.recorded import SYSTEM_TENANT

_UNFINISHED = """
    SELECT k.owner FROM annals.data_keys AS k
    WHERE k.log_id = $1 AND k.tenant = $2 AND k.kind = 'person' AND k.wrapped IS NULL
        AND EXISTS (
            SELECT FROM annals.events AS e
            WHERE e.log_id = k.log_id AND e.tenant = k.tenant AND e.stream = $3 || k.owner
        )
        AND NOT EXISTS (
            SELECT FROM annals.events AS e
            WHERE e.log_id = k.log_id AND e.tenant = k.tenant AND e.stream = $3 || k.owner
                AND e.type = $4
        )
    ORDER BY k.owner
"""
_DONE = str(AccountKeysDestroyed.__struct_config__.tag)


class PostgresUnfinishedErasures:
    """`application.unfinished_erasures.UnfinishedErasures` over the keys and the log."""

    def __init__(self, pool: Pool, log_id: int = 1) -> None:
        """The pool's role may read both."""
        self._pool = pool
        self._log_id = log_id

    async def __call__(self) -> Sequence[str]:
        """See `UnfinishedErasures`."""
        wanted = (self._log_id, SYSTEM_TENANT, ACCOUNT.stream(""), _DONE)
        async with outages():
            rows = await self._pool.fetch(_UNFINISHED, *wanted)
        return [str(row["owner"]) for row in rows]
