"""Second factors as a person enrols, replaces and removes them, and is told so by mail."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.bus import Run
from application.mail import Letters
from application.second_factors import CheckSecondFactor
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account, NoSuchAccount
from domain.rejections import Fault, Invalid
from domain.second_factors.commands import (
    ConfirmTotp,
    IssueRecoveryCodes,
    OfferTotp,
    RemoveAllFactors,
    RemoveTotp,
    SecondFactorsCommand,
)
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.state import (
    RECOVERY_CODES,
    NoTotpOffered,
    SecondFactors,
    TotpEnrolled,
)


class EnrolTotp(msgspec.Struct, frozen=True, kw_only=True):
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


class ReplaceRecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    """Make new recovery codes; the old ones count no more."""

    account: str


class RemoveAuthenticator(msgspec.Struct, frozen=True, kw_only=True):
    """Take the authenticator away."""

    account: str


class RemoveEverything(msgspec.Struct, frozen=True, kw_only=True):
    """Take all of an account's factors away, for a person who has lost them."""

    account: str


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What was enrolled; `codes` are new recovery codes, told only here, empty where none are new.

    `id` is a passkey's.
    """

    codes: tuple[str, ...]
    id: str = ""


@dataclass(frozen=True)
class Factors:
    """What the handlers of enrolment share."""

    check: CheckSecondFactor
    letters: Letters
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def new_codes(self) -> tuple[str, ...]:
        """A set of recovery codes."""
        return tuple(self.check.codes.new() for _ in range(RECOVERY_CODES))

    def hashes(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        """What is kept of them."""
        return tuple(self.check.codes.hash(code) for code in codes)

    async def change(
        self, unit: Unit, account: str, command: SecondFactorsCommand, said: str
    ) -> SecondFactors:
        """Decide, and tell the person where that has changed anything."""
        before = await unit.load(SECOND_FACTORS, account)
        after = await unit.decide(SECOND_FACTORS, account, command)
        if after != before:
            owner = await owner_of(unit, account)
            self.letters.post(
                unit, kind="second-factor-changed", person=account, to=owner.email, change=said
            )
        return after

    def issued(self, factors: SecondFactors, codes: tuple[str, ...]) -> tuple[str, ...]:
        """These codes, if they have become the account's."""
        return codes if tuple(factors.codes.values()) == self.hashes(codes) else ()


@dataclass(frozen=True)
class EnrolTotpHandler:
    """Carries out `EnrolTotp`."""

    factors: Factors

    async def __call__(self, command: EnrolTotp, run: Run) -> Done[TotpSeed]:
        """Offer a seed; nobody is told before it counts.

        Raises:
            TotpEnrolled: there is an authenticator already.
        """
        totp, seed = self.factors.check.totp, self.factors.check.totp.new_seed()

        async def decide(unit: Unit) -> TotpSeed:
            offer = OfferTotp(seed=seed, at=self.factors.now())
            await unit.decide(SECOND_FACTORS, command.account, offer)
            owner = await owner_of(unit, command.account)
            return TotpSeed(secret=seed, uri=totp.uri(seed, str(owner.email)))

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])


@dataclass(frozen=True)
class ConfirmAuthenticatorHandler:
    """Carries out `ConfirmAuthenticator`."""

    factors: Factors

    async def __call__(self, command: ConfirmAuthenticator, run: Run) -> Done[Enrolled]:
        """Let the offered seed count.

        Raises:
            NoTotpOffered, TotpEnrolled: no seed waits for its first code.
            Invalid: the code is wrong.
        """
        codes = self.factors.new_codes()
        hashes = self.factors.hashes(codes)

        async def decide(unit: Unit) -> Enrolled:
            before, at = await unit.load(SECOND_FACTORS, command.account), self.factors.now()
            if not before.offered:
                raise TotpEnrolled if before.seed else NoTotpOffered
            step = self.factors.check.step_of(before.offered, command.code)
            if step is None:
                detail = "is not what the authenticator shows now"
                raise Invalid(Fault(pointer="/code", code="wrong-code", detail=detail))
            confirm = ConfirmTotp(step=step, code_hashes=hashes, at=at)
            said = "An authenticator was added to your account."
            after = await self.factors.change(unit, command.account, confirm, said)
            return Enrolled(codes=self.factors.issued(after, codes))

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])


@dataclass(frozen=True)
class ReplaceRecoveryCodesHandler:
    """Carries out `ReplaceRecoveryCodes`."""

    factors: Factors

    async def __call__(self, command: ReplaceRecoveryCodes, run: Run) -> Done[Enrolled]:
        """Make the codes.

        Raises:
            NoSecondFactor: there is nothing that they could stand in for.
        """
        codes = self.factors.new_codes()
        issue = IssueRecoveryCodes(code_hashes=self.factors.hashes(codes), at=self.factors.now())

        async def decide(unit: Unit) -> Enrolled:
            said = "New recovery codes were made for your account."
            await self.factors.change(unit, command.account, issue, said)
            return Enrolled(codes=codes)

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])


@dataclass(frozen=True)
class RemoveAuthenticatorHandler:
    """Carries out `RemoveAuthenticator`."""

    factors: Factors

    async def __call__(self, command: RemoveAuthenticator, run: Run) -> Done[SecondFactors]:
        """Remove it, and a seed that waits for its first code."""
        remove = RemoveTotp(at=self.factors.now())

        async def decide(unit: Unit) -> SecondFactors:
            said = "The authenticator was removed from your account."
            return await self.factors.change(unit, command.account, remove, said)

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])


@dataclass(frozen=True)
class RemoveEverythingHandler:
    """Carries out `RemoveEverything`."""

    factors: Factors

    async def __call__(self, command: RemoveEverything, run: Run) -> Done[SecondFactors]:
        """Remove them.

        Raises:
            NoSuchAccount: it is not open.
        """
        remove = RemoveAllFactors(at=self.factors.now())

        async def decide(unit: Unit) -> SecondFactors:
            await owner_of(unit, command.account)
            said = "Whoever runs this service has removed all second factors from your account."
            return await self.factors.change(unit, command.account, remove, said)

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])


async def owner_of(unit: Unit, account: str) -> Account:
    """The account whose factors these are, guarded: nothing is enrolled for one that was closed.

    Raises:
        NoSuchAccount: it is not open.
    """
    owner = await unit.guard(ACCOUNT, account)
    if not isinstance(owner, Account):
        raise NoSuchAccount
    return owner
