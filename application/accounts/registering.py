"""Registering, and proving the address.

Where the address has to be verified before anybody can sign in, nobody is told whether it has an
account: every address is answered alike, and what there is to say goes there by mail. Where an
address is registered again before it was verified, nobody can tell who of them reads its mail: no
password counts any more, and whoever reads it chooses one.

Otherwise (`verify_required` off) an address that is taken is refused, which tells that it is.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.accounts.mailing import VERIFICATION, TokenMail
from application.accounts.reserving import reservation_of, reserve
from application.bus import Run
from application.emails import email_fault, mailable_form
from application.passwords import PasswordHasher
from application.unit import Done, Unit
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    DropPassword,
    RegisterAccount,
    VerifyAddress,
)
from domain.emails import canonical_email
from domain.memberships import MEMBER, MEMBERSHIP, GrantMembership
from domain.passwords import password_fault
from domain.rejections import Invalid


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """Open an account for this address; `address` is the client's."""

    email: str
    password: str
    address: str


class Registered(msgspec.Struct, frozen=True):
    """The account that was opened; None where that is not told."""

    id: str | None


@dataclass(frozen=True)
class RegisterHandler:
    """Carries out `Register`: the address, the account and its membership in one append."""

    hasher: PasswordHasher
    common: Container[str]
    mail: TokenMail
    verify_required: bool
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, command: Register, run: Run) -> Done[Registered]:
        """Register the person.

        Raises:
            Invalid: a malformed address, or a password that is refused.
            EmailTaken: the address has an account, and that may be told.
        """
        form = checked_credentials(command.email, command.password, self.common)
        may_write = await self.mail.limit(form, command.address)
        address, account = self.mail.email_hash(form), str(self.new_id())
        password_hash = await self.hasher.hash(command.password)

        async def decide(unit: Unit) -> Registered:
            if self.verify_required and await self._is_taken(unit, address, tell=may_write):
                unit.keep_answer()
                return Registered(None)
            at = self.now()
            await reserve(unit, address, account, at)
            register = RegisterAccount(
                email=mailable_form(command.email), password_hash=password_hash, at=at
            )
            registered = unit.begin(ACCOUNT, account, register)
            unit.begin(MEMBERSHIP, account, GrantMembership(role=MEMBER, at=at))
            if may_write:
                assert isinstance(registered, Account)  # noqa: S101 - it has just begun
                await self.mail.verification(unit, account, registered)
            return Registered(None if self.verify_required else account)

        return await run(decide, lanes=[(EMAIL, address)])

    async def _is_taken(self, unit: Unit, address: str, *, tell: bool) -> bool:
        """Whether an address has an account; its person is told that somebody tried.

        Where nobody has proven to be that person, the password goes, told or not.
        """
        reservation = await reservation_of(unit, address)
        if not reservation.account:
            return False
        owner = await unit.load(ACCOUNT, reservation.account)
        if isinstance(owner, Account):
            await self._tell(unit, reservation.account, owner, tell=tell)
        return True

    async def _tell(self, unit: Unit, id_: str, owner: Account, *, tell: bool) -> None:
        if not owner.verified:
            await unit.decide(ACCOUNT, id_, DropPassword(at=self.now()))
        if tell and owner.verified:
            self.mail.letters.post(unit, kind="account-exists", person=id_, to=owner.email)
        elif tell:
            await self.mail.password_reset(unit, id_, owner)


def checked_credentials(email: str, password: str, common: Container[str]) -> str:
    """The form of a new account's address, once nothing is wrong with it and its password.

    Raises:
        Invalid: with a pointer for each fault.
    """
    form = canonical_email(email)
    faults = [] if form is not None else [email_fault()]
    fault = password_fault(password, form or "", common)
    if fault is not None:
        faults.append(fault)
    if form is None or faults:
        raise Invalid(*faults)
    return form


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """Show the token that was mailed to an account's address."""

    token: str


@dataclass(frozen=True)
class VerifyHandler:
    """Carries out `Verify`."""

    mail: TokenMail
    now: Callable[[], datetime]

    async def __call__(self, command: Verify, run: Run) -> Done[None]:
        """Record that the address is the person's.

        Raises:
            WrongToken: the token opens nothing.
        """
        given = self.mail.given(VERIFICATION, command.token)

        async def decide(unit: Unit) -> None:
            verify = VerifyAddress(token_hash=given.hash, at=self.now())
            await unit.decide(ACCOUNT, given.owner, verify)

        return await run(decide, lanes=[(ACCOUNT, given.owner)])


class AskForVerification(msgspec.Struct, frozen=True, kw_only=True):
    """Have the token mailed once more, to whoever has this address."""

    email: str
    address: str


@dataclass(frozen=True)
class AskForVerificationHandler:
    """Carries out `AskForVerification`; it looks the same whether anything is sent or not."""

    mail: TokenMail

    async def __call__(self, command: AskForVerification, run: Run) -> Done[None]:
        """Send the token to an address that has an unverified account.

        Raises:
            Invalid: it can be no address.
        """
        return await self.mail.post_to(command.email, command.address, self._unless_verified, run)

    async def _unless_verified(self, unit: Unit, id_: str, account: Account) -> None:
        if not account.verified:
            await self.mail.verification(unit, id_, account)
