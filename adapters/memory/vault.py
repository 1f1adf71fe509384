"""Data keys kept in memory, for tests."""

import os
from collections.abc import Collection, Mapping

from adapters.crypto.fields import FieldCipher
from application.vault import KeyOwner


class MemoryVault:
    """`application.vault.Vault` without a database."""

    def __init__(self) -> None:
        """Start without any key."""
        self._keys: dict[KeyOwner, FieldCipher | None] = {}

    async def keys(
        self, owners: Collection[KeyOwner], *, create: bool
    ) -> Mapping[KeyOwner, FieldCipher | None]:
        """See `Vault.keys`."""
        if create:
            for owner in owners:
                if owner not in self._keys:
                    self._keys[owner] = FieldCipher(os.urandom(32))
        return {owner: self._keys.get(owner) for owner in owners}

    async def destroy(self, owner: KeyOwner) -> None:
        """See `Vault.destroy`."""
        self._keys[owner] = None
