"""Authenticators: apps that show a new code every 30 seconds, from a seed that they were told."""

from dataclasses import dataclass

import msgspec

from application.bus import Run
from application.second_factors.changing import Enrolled, FactorChanges, owner_of
from application.unit import Done, Unit
from domain.rejections import Fault, Invalid
from domain.second_factors.commands import ConfirmTotp, OfferTotp, RemoveTotp
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.state import NoTotpOffered, SecondFactors, TotpEnrolled


class EnrolAuthenticator(msgspec.Struct, frozen=True, kw_only=True):
    """Begin to enrol an authenticator."""

    account: str


class TotpSeed(msgspec.Struct, frozen=True, kw_only=True):
    """What the authenticator is told; it is told only here."""

    secret: str
    uri: str


class ConfirmAuthenticator(msgspec.Struct, frozen=True, kw_only=True):
    """Let the authenticator count, by a code that it shows."""

    account: str
    code: str


class RemoveAuthenticator(msgspec.Struct, frozen=True, kw_only=True):
    """Take the authenticator away."""

    account: str


@dataclass(frozen=True)
class EnrolAuthenticatorHandler:
    """Carries out `EnrolAuthenticator`."""

    changes: FactorChanges

    async def __call__(self, command: EnrolAuthenticator, run: Run) -> Done[TotpSeed]:
        """Offer a seed; nobody is told before it counts.

        Raises:
            TotpEnrolled: there is an authenticator already.
        """
        totp = self.changes.check.totp
        seed = totp.new_seed()

        async def decide(unit: Unit) -> TotpSeed:
            offer = OfferTotp(seed=seed, at=self.changes.now())
            await unit.decide(SECOND_FACTORS, command.account, offer)
            owner = await owner_of(unit, command.account)
            return TotpSeed(secret=seed, uri=totp.uri(seed, str(owner.email)))

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])


@dataclass(frozen=True)
class ConfirmAuthenticatorHandler:
    """Carries out `ConfirmAuthenticator`."""

    changes: FactorChanges

    async def __call__(self, command: ConfirmAuthenticator, run: Run) -> Done[Enrolled]:
        """Let the offered seed count.

        Raises:
            NoTotpOffered, TotpEnrolled: no seed waits for its first code.
            Invalid: the code is wrong.
        """
        new = self.changes.new_codes()

        async def decide(unit: Unit) -> Enrolled:
            before = await unit.load(SECOND_FACTORS, command.account)
            confirm = ConfirmTotp(
                step=self._step(before, command.code), code_hashes=new.hashes, at=self.changes.now()
            )
            change = "An authenticator was added to your account."
            after = await self.changes.decide(unit, command.account, confirm, change)
            return Enrolled(codes=new.issued(after))

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])

    def _step(self, factors: SecondFactors, code: str) -> int:
        if not factors.offered:
            raise TotpEnrolled if factors.seed else NoTotpOffered
        step = self.changes.check.step_of(factors.offered, code)
        if step is None:
            detail = "is not what the authenticator shows now"
            raise Invalid(Fault(pointer="/code", code="wrong-code", detail=detail))
        return step


@dataclass(frozen=True)
class RemoveAuthenticatorHandler:
    """Carries out `RemoveAuthenticator`."""

    changes: FactorChanges

    async def __call__(self, command: RemoveAuthenticator, run: Run) -> Done[SecondFactors]:
        """Remove it, and a seed that waits for its first code."""
        remove = RemoveTotp(at=self.changes.now())
        change = "The authenticator was removed from your account."
        return await self.changes.carry_out(run, command.account, remove, change)
