"""The port to the keys that personal and secret fields are sealed with."""

from collections.abc import Collection, Mapping
from typing import Protocol

import msgspec


class KeyOwner(msgspec.Struct, frozen=True):
    """Whose data key: a `person` (always in the system tenant) or a `tenant` (its secrets)."""

    tenant: str
    kind: str
    id: str


class DataKey(Protocol):
    """A key that seals and opens fields; `context` is the associated data both sides name."""

    def seal(self, plain: bytes, context: bytes) -> str:
        """Encrypt to printable text."""
        ...

    def open(self, sealed: str, context: bytes) -> bytes:
        """Decrypt what `seal` made in the same context; raises `ValueError` for anything else."""
        ...


class Vault(Protocol):
    """Where data keys are kept, wrapped by a key that is not in the database."""

    async def keys(
        self, owners: Collection[KeyOwner], *, create: bool
    ) -> Mapping[KeyOwner, DataKey | None]:
        """The owners' keys; `create` makes those that never were. None: destroyed, or never was.

        Raises:
            Outage: when a key that is not at hand cannot be fetched.
        """
        ...

    async def destroy(self, owner: KeyOwner) -> None:
        """Destroy a key for good: all that it sealed is erased. Safe to repeat."""
        ...
