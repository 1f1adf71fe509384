"""What every change of an account's second factors has in common: its owner is told by mail."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.bus import Run
from application.mail import Letters
from application.second_factors.checking import SecondFactorCheck
from application.second_factors.telling import tell
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account, NoSuchAccount
from domain.second_factors.commands import SecondFactorsCommand
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.state import RECOVERY_CODES, SecondFactors


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What was enrolled; `codes` are new recovery codes, told only here, empty where none are new.

    `id` is a passkey's.
    """

    codes: tuple[str, ...]
    id: str = ""


class NewCodes(msgspec.Struct, frozen=True, kw_only=True):
    """Recovery codes that were made just now, and what is kept of them."""

    codes: tuple[str, ...]
    hashes: tuple[str, ...]

    def issued(self, factors: SecondFactors) -> tuple[str, ...]:
        """The codes, if they have become the account's; else none."""
        return self.codes if tuple(factors.codes.values()) == self.hashes else ()


@dataclass(frozen=True)
class FactorChanges:
    """Changes the factors of accounts that are open, and tells their owners."""

    check: SecondFactorCheck
    letters: Letters
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def new_codes(self) -> NewCodes:
        """A set of recovery codes."""
        codes = tuple(self.check.codes.new() for _ in range(RECOVERY_CODES))
        return NewCodes(codes=codes, hashes=tuple(self.check.codes.hash(code) for code in codes))

    async def decide(
        self, unit: Unit, account: str, command: SecondFactorsCommand, change: str
    ) -> SecondFactors:
        """Decide, and tell the owner of the change where there is one.

        Raises:
            NoSuchAccount: it is not open.
        """
        before = await unit.load(SECOND_FACTORS, account)
        owner = await owner_of(unit, account)
        after = await unit.decide(SECOND_FACTORS, account, command)
        if after != before:
            tell(self.letters, unit, account, owner, change)
        return after

    async def carry_out(
        self, run: Run, account: str, command: SecondFactorsCommand, change: str
    ) -> Done[SecondFactors]:
        """As `decide`, where nothing else belongs to the change."""

        async def decide(unit: Unit) -> SecondFactors:
            return await self.decide(unit, account, command, change)

        return await run(decide, lanes=[(SECOND_FACTORS, account)])


async def owner_of(unit: Unit, account: str) -> Account:
    """The account whose factors these are, guarded: nothing is enrolled for one that was closed.

    Raises:
        NoSuchAccount: it is not open.
    """
    owner = await unit.guard(ACCOUNT, account)
    if not isinstance(owner, Account):
        raise NoSuchAccount
    return owner
