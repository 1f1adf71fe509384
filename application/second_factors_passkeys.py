"""Passkeys as a person registers and removes them."""

from dataclasses import dataclass
from typing import Any

import msgspec

from application.bus import Run
from application.second_factors_enrolment import Enrolled, Factors, owner_of
from application.second_factors_ports import RelyingParty
from application.unit import Done, Unit
from domain.rejections import Fault, Invalid
from domain.second_factors.commands import RegisterPasskey, RemovePasskey
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.state import SecondFactors, WrongSecondFactor

REGISTER = "register-passkey"
"""What a challenge is for: to make a passkey."""


class OfferPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """Make the options that a browser makes a passkey from."""

    account: str
    party: RelyingParty


class AddPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """Register a passkey under a name; `credential` is a browser's answer, as JSON."""

    account: str
    name: str
    credential: Any
    party: RelyingParty


class DropPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """Take a passkey away."""

    account: str
    passkey: str


@dataclass(frozen=True)
class OfferPasskeyHandler:
    """Carries out `OfferPasskey`; nothing is recorded, as the challenge keeps itself."""

    factors: Factors

    async def __call__(self, command: OfferPasskey, run: Run) -> Done[dict[str, Any]]:
        """The options, as JSON."""
        check = self.factors.check
        await check.passkeys.warm_up()

        async def look(unit: Unit) -> dict[str, Any]:
            factors = await unit.load(SECOND_FACTORS, command.account)
            owner = await owner_of(unit, command.account)
            return check.passkeys.creation_options(
                command.party,
                check.new_challenge(REGISTER, account=command.account),
                account=command.account,
                name=str(owner.email),
                known=list(factors.passkeys.values()),
            )

        return await run(look)


@dataclass(frozen=True)
class AddPasskeyHandler:
    """Carries out `AddPasskey`."""

    factors: Factors

    async def __call__(self, command: AddPasskey, run: Run) -> Done[Enrolled]:
        """Register the passkey.

        Raises:
            Invalid: the answer is wrong, or to no challenge of this account that still counts.
            PasskeyTaken, TooManyPasskeys: it cannot be added.
        """
        check, passkey = self.factors.check, str(self.factors.new_id())
        await check.passkeys.warm_up()
        text = check.passkeys.challenge_of(command.credential)
        challenge = check.opened(REGISTER, text)
        made = check.passkeys.made(command.party, text, command.credential)
        if made is None or challenge is None or challenge.account != command.account:
            raise _wrong_credential()
        codes = self.factors.new_codes()
        register = RegisterPasskey(
            passkey=passkey,
            name=command.name,
            credential=made.credential,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=made.transports,
            synced=made.synced,
            challenge=challenge.answered,
            code_hashes=self.factors.hashes(codes),
            at=self.factors.now(),
        )

        async def decide(unit: Unit) -> Enrolled:
            said = f'The passkey "{command.name}" was added to your account.'
            after = await self.factors.change(unit, command.account, register, said)
            return Enrolled(codes=self.factors.issued(after, codes), id=passkey)

        try:
            return await run(decide, lanes=[(SECOND_FACTORS, command.account)])
        except WrongSecondFactor:
            raise _wrong_credential() from None


@dataclass(frozen=True)
class DropPasskeyHandler:
    """Carries out `DropPasskey`."""

    factors: Factors

    async def __call__(self, command: DropPasskey, run: Run) -> Done[SecondFactors]:
        """Remove it.

        Raises:
            NoSuchPasskey: the account has no such passkey.
        """
        remove = RemovePasskey(passkey=command.passkey, at=self.factors.now())

        async def decide(unit: Unit) -> SecondFactors:
            said = "A passkey was removed from your account."
            return await self.factors.change(unit, command.account, remove, said)

        return await run(decide, lanes=[(SECOND_FACTORS, command.account)])


def _wrong_credential() -> Invalid:
    detail = "does not answer the options of POST /v1/me/passkeys/options"
    return Invalid(Fault(pointer="/credential", code="wrong-credential", detail=detail))
