"""What helps somebody who has lost a factor: codes on paper, and in the end whoever runs this."""

from dataclasses import dataclass

import msgspec

from application.bus import Run
from application.second_factors.changing import Enrolled, FactorChanges
from application.unit import Done, Unit
from domain.second_factors.commands import IssueRecoveryCodes, RemoveAllFactors
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.state import SecondFactors


class ReplaceRecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    """Make new recovery codes; the old ones count no more."""

    account: str


class ResetSecondFactors(msgspec.Struct, frozen=True, kw_only=True):
    """Take all of an account's factors away, for a person who has lost them."""

    account: str


@dataclass(frozen=True)
class ReplaceRecoveryCodesHandler:
    """Carries out `ReplaceRecoveryCodes`."""

    changes: FactorChanges

    async def __call__(self, command: ReplaceRecoveryCodes, run: Run) -> Done[Enrolled]:
        """Make the codes.

        Raises:
            NoSecondFactor: there is nothing that they could stand in for.
        """
        new = self.changes.new_codes()
        issue = IssueRecoveryCodes(code_hashes=new.hashes, at=self.changes.now())

        async def decide(unit: Unit) -> Enrolled:
            change = "New recovery codes were made for your account."
            await self.changes.decide(unit, command.account, issue, change)
            return Enrolled(codes=new.codes)

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])


@dataclass(frozen=True)
class ResetSecondFactorsHandler:
    """Carries out `ResetSecondFactors`."""

    changes: FactorChanges

    async def __call__(self, command: ResetSecondFactors, run: Run) -> Done[SecondFactors]:
        """Remove them.

        Raises:
            NoSuchAccount: it is not open.
        """
        remove = RemoveAllFactors(at=self.changes.now())
        change = "Whoever runs this service has removed all second factors from your account."
        return await self.changes.carry_out(run, command.account, remove, change)
