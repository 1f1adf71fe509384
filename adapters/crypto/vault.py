"""Data keys in Postgres, wrapped by a key that is not there.

A key is committed before anything is sealed with it, so a reader that finds an event also finds
its key. Destroying one leaves a row without a key: the owner will never get another.
"""

import os
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping

import asyncpg

from adapters.crypto.fields import ByteCipher, FieldCipher, field_context
from adapters.crypto.master import BadMasterKey, MasterKey
from adapters.postgres.connect import Pool, outages
from application.vault import KeyOwner

_FIND = """
SELECT tenant, kind, owner, wrapped FROM annals.data_keys
WHERE log_id = $1 AND (tenant, kind, owner) IN (
    SELECT * FROM unnest($2::text[], $3::text[], $4::text[]))
"""
_MAKE = """
INSERT INTO annals.data_keys (log_id, tenant, kind, owner, wrapped)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[])
ON CONFLICT DO NOTHING
"""
_DESTROY = """
INSERT INTO annals.data_keys (log_id, tenant, kind, owner, wrapped, destroyed_at)
VALUES ($1, $2, $3, $4, NULL, clock_timestamp())
ON CONFLICT (log_id, tenant, kind, owner) DO UPDATE
SET wrapped = NULL, destroyed_at = clock_timestamp()
WHERE data_keys.wrapped IS NOT NULL
"""
_ANY = """
SELECT tenant, kind, owner, wrapped FROM annals.data_keys
WHERE log_id = $1 AND wrapped IS NOT NULL LIMIT 1
"""


class PostgresVault:
    """`application.vault.Vault` over `annals.data_keys`, with the keys used last kept in process.

    Its pool's connections act as `annals_appender`. Another process's `destroy` becomes known here
    by `forget`, which who follows the log calls.
    """

    def __init__(
        self, pool: Pool, master: MasterKey, *, log_id: int = 1, capacity: int = 10_000
    ) -> None:
        """Keep at most `capacity` keys at hand."""
        self._pool = pool
        self._wrapping = ByteCipher(master.derive("key wrapping"))
        self._log_id = log_id
        self._capacity = capacity
        self._kept: OrderedDict[KeyOwner, FieldCipher] = OrderedDict()
        self._dropped = 0

    async def keys(
        self, owners: Collection[KeyOwner], *, create: bool
    ) -> Mapping[KeyOwner, FieldCipher | None]:
        """See `Vault.keys`.

        Raises:
            BadMasterKey: when a key was wrapped with another master key.
        """
        found: dict[KeyOwner, FieldCipher | None] = {}
        missing = []
        for owner in owners:
            cipher = self._kept.get(owner)
            if cipher is None:
                missing.append(owner)
            else:
                self._kept.move_to_end(owner)
                found[owner] = cipher
        if missing:
            found |= await self._fetch(sorted(missing, key=_order), create=create)
        return found

    async def destroy(self, owner: KeyOwner) -> None:
        """See `Vault.destroy`."""
        self.forget(owner)
        async with outages():
            await self._pool.execute(_DESTROY, self._log_id, owner.tenant, owner.kind, owner.id)
        self.forget(owner)

    def forget(self, owner: KeyOwner) -> None:
        """Drop one key from memory: it was destroyed."""
        self._dropped += 1
        self._kept.pop(owner, None)

    def clear(self) -> None:
        """Drop all keys from memory: the log was replaced."""
        self._dropped += 1
        self._kept.clear()

    async def check(self) -> None:
        """Make sure that the master key is the one that this log's keys are wrapped with.

        Raises:
            BadMasterKey: when it is not.
            Outage: when the log does not answer.
        """
        async with outages():
            row = await self._pool.fetchrow(_ANY, self._log_id)
        if row is not None:
            self._unwrap(row)

    async def _fetch(
        self, owners: list[KeyOwner], *, create: bool
    ) -> dict[KeyOwner, FieldCipher | None]:
        dropped = self._dropped
        async with outages():
            rows = await self._find(owners)
            absent = [owner for owner in owners if owner not in rows]
            if create and absent:
                wrapped = [self._wrap(owner, os.urandom(32)) for owner in absent]
                await self._pool.execute(_MAKE, self._log_id, *_columns(absent), wrapped)
                rows |= await self._find(absent)  # ours, or those of who was faster
        found: dict[KeyOwner, FieldCipher | None] = dict.fromkeys(owners)
        for owner, row in rows.items():
            if row["wrapped"] is not None:
                cipher = self._unwrap(row)
                found[owner] = cipher
                if dropped == self._dropped:  # nothing was destroyed while we read
                    self._keep(owner, cipher)
        return found

    async def _find(self, owners: list[KeyOwner]) -> dict[KeyOwner, asyncpg.Record]:
        rows = await self._pool.fetch(_FIND, self._log_id, *_columns(owners))
        return {_owner(row): row for row in rows}

    def _keep(self, owner: KeyOwner, cipher: FieldCipher) -> None:
        self._kept[owner] = cipher
        self._kept.move_to_end(owner)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def _wrap(self, owner: KeyOwner, key: bytes) -> bytes:
        return self._wrapping.seal(key, self._context(owner))

    def _unwrap(self, row: asyncpg.Record) -> FieldCipher:
        owner = _owner(row)
        try:
            return FieldCipher(self._wrapping.open(row["wrapped"], self._context(owner)))
        except ValueError as error:
            raise BadMasterKey(
                "this database's keys were wrapped with another master key: bring the one "
                "that it was made with"
            ) from error

    def _context(self, owner: KeyOwner) -> bytes:
        return field_context("data key", str(self._log_id), owner.tenant, owner.kind, owner.id)


def _order(owner: KeyOwner) -> tuple[str, str, str]:
    """One order everywhere, so that two inserts of the same keys cannot deadlock."""
    return (owner.tenant, owner.kind, owner.id)


def _owner(row: asyncpg.Record) -> KeyOwner:
    return KeyOwner(row["tenant"], row["kind"], row["owner"])


def _columns(owners: Iterable[KeyOwner]) -> tuple[list[str], list[str], list[str]]:
    each = list(owners)
    return [o.tenant for o in each], [o.kind for o in each], [o.id for o in each]
