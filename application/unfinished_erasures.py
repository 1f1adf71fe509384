"""Erasures that the log does not know of: those which a restore has taken back, but for the keys.

A restored log gets the newest keys, so that whoever was erased since stays unreadable. What else an
erasure does, it does again: whoever has no key any more is erased in this log, too.

An erasure that the log knows of, and whose end it does not, is carried out here. It may be under
way, or be parked by a restore, where nobody would do it; nobody can tell which, and to do it twice
does no harm.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from application.bus import Run
from application.erasures import Scrub
from application.personal_data import People, Person, key_owners
from application.unit import Done, Unit
from application.vault import Vault
from domain.accounts import ACCOUNT, ConfirmErasure, EraseAccount, ErasedAccount


class UnfinishedErasures(Protocol):
    """The accounts whose key was destroyed, and of which the log does not say so.

    Raises `Outage` when it does not answer.
    """

    async def __call__(self) -> Sequence[str]:
        """Their ids."""
        ...


class FinishErasure(msgspec.Struct, frozen=True, kw_only=True):
    """Erase an account whose key was destroyed."""

    account: str


@dataclass(frozen=True)
class FinishErasureHandler:
    """Carries out `FinishErasure`."""

    people: People
    vault: Vault
    scrub: Scrub
    now: Callable[[], datetime]

    async def __call__(self, command: FinishErasure, run: Run) -> Done[None]:
        """Record the erasure, from which the rest follows; where it is known, carry it out.

        Raises:
            NoSuchAccount: there is no such account.
            Outage: when what has to forget does not answer.
        """
        id_ = command.account
        [owner] = key_owners([id_])
        erased = (await self.vault.keys([owner], create=False))[owner] is None

        async def decide(unit: Unit) -> None:
            at, account = self.now(), await unit.load(ACCOUNT, id_)
            if not erased:
                return
            person = await self.people(id_)
            if isinstance(account, ErasedAccount) and account.keys:
                await self._carry_out(person)
                await unit.decide(ACCOUNT, id_, ConfirmErasure(keys=account.keys, at=at))
            else:
                erase = EraseAccount(
                    keys=person.keys, tenants=person.tenants, reason="restored", at=at
                )
                await unit.decide(ACCOUNT, id_, erase)

        return await run(decide, lanes=[(ACCOUNT, id_)])

    async def _carry_out(self, person: Person) -> None:
        for owner in person.owners:
            await self.vault.destroy(owner)
        await self.scrub(person)
