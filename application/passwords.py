"""The port to what hashes passwords: slow on purpose, so it never runs on the event loop."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from domain.password_costs import PasswordCosts


class Verified(msgspec.Struct, frozen=True):
    """Whether a password was right, and whether its hash should be made anew.

    `needs_rehash` is only ever true for a right password whose hash was made with other costs
    than those of today, or by another function.
    """

    ok: bool
    needs_rehash: bool = False


class PasswordHasher(Protocol):
    """Hashes passwords. The work is bounded: when too much waits already, it refuses at once.

    `hash` and `verify` raise `Outage` (outcome "failed") when the queue is full.
    """

    async def hash(self, password: str) -> str:
        """A salted hash in the PHC string format, fit to be kept as a secret."""
        ...

    async def verify(self, password_hash: str | None, password: str) -> Verified:
        """Compare a password with a hash.

        None stands for an account that does not exist (or has no password): the answer is then
        no, after the same time, so that a stranger cannot tell which addresses have accounts.
        """
        ...

    def accepts(self, password_hash: str) -> bool:
        """Whether a hash that was made elsewhere is one that `verify` can compare with."""
        ...

    @property
    def costs(self) -> PasswordCosts:
        """What `hash` makes hashes with now."""
        ...

    def costs_of(self, password_hash: str) -> PasswordCosts:
        """What a hash was made with that `verify` can compare with."""
        ...

    async def expect(self, costs: Iterable[PasswordCosts]) -> None:
        """Be ready to verify hashes of these costs, too.

        From then on every wrong password takes as long as the dearest of them, whosever it is. What
        each takes is found out once, the first time that it is expected.

        Raises:
            Outage: as the others.
        """
        ...

    async def warm_up(self) -> None:
        """Get ready to verify, so that the first stranger's sign-in takes no longer."""
        ...
