"""Passkeys as a person registers and removes them."""

from dataclasses import dataclass
from typing import Any

import msgspec

from application.bus import Run
from application.second_factors.challenges import REGISTER
from application.second_factors.changing import Enrolled, FactorChanges, owner_of
from application.second_factors.ports import RelyingParty
from application.unit import Done, Unit
from domain.rejections import Fault, Invalid
from domain.second_factors.commands import RegisterPasskey, RemovePasskey
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.state import SecondFactors, WrongSecondFactor


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

    changes: FactorChanges

    async def __call__(self, command: OfferPasskey, run: Run) -> Done[dict[str, Any]]:
        """The options, as JSON."""
        check = self.changes.check
        await check.passkeys.warm_up()

        async def look(unit: Unit) -> dict[str, Any]:
            factors = await unit.load(SECOND_FACTORS, command.account)
            owner = await owner_of(unit, command.account)
            return check.passkeys.creation_options(
                command.party,
                check.challenges.new(REGISTER, account=command.account),
                account=command.account,
                name=str(owner.email),
                known=list(factors.passkeys.values()),
            )

        return await run(look)


@dataclass(frozen=True)
class AddPasskeyHandler:
    """Carries out `AddPasskey`."""

    changes: FactorChanges

    async def __call__(self, command: AddPasskey, run: Run) -> Done[Enrolled]:
        """Register the passkey.

        Raises:
            Invalid: the answer is wrong, or to no challenge of this account that still counts.
            PasskeyTaken, TooManyPasskeys: it cannot be added.
        """
        check, passkey = self.changes.check, str(self.changes.new_id())
        await check.passkeys.warm_up()
        text = check.passkeys.challenge_of(command.credential)
        challenge = check.challenges.opened(REGISTER, text)
        made = check.passkeys.verify_registration(command.party, text, command.credential)
        if made is None or challenge is None or challenge.account != command.account:
            raise _wrong_credential()
        new = self.changes.new_codes()
        register = RegisterPasskey(
            passkey=passkey,
            name=command.name,
            credential=made.credential,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=made.transports,
            synced=made.synced,
            challenge=challenge.answered,
            code_hashes=new.hashes,
            at=self.changes.now(),
        )

        async def decide(unit: Unit) -> Enrolled:
            change = f'The passkey "{command.name}" was added to your account.'
            after = await self.changes.decide(unit, command.account, register, change)
            return Enrolled(codes=new.issued(after), id=passkey)

        try:
            return await run(decide, lanes=[(SECOND_FACTORS, command.account)])
        except WrongSecondFactor:
            raise _wrong_credential() from None


@dataclass(frozen=True)
class DropPasskeyHandler:
    """Carries out `DropPasskey`."""

    changes: FactorChanges

    async def __call__(self, command: DropPasskey, run: Run) -> Done[SecondFactors]:
        """Remove it.

        Raises:
            NoSuchPasskey: the account has no such passkey.
        """
        remove = RemovePasskey(passkey=command.passkey, at=self.changes.now())
        change = "A passkey was removed from your account."
        return await self.changes.carry_out(run, command.account, remove, change)


def _wrong_credential() -> Invalid:
    detail = "does not answer the options of POST /v1/me/passkeys/options"
    return Invalid(Fault(pointer="/credential", code="wrong-credential", detail=detail))
