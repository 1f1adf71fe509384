"""A new address: asked for with the password, proven by a token that is mailed there.

What is asked is answered alike for every address; that one is taken is told there, not here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.accounts.mailing import EMAIL_CHANGE, TokenMail
from application.accounts.reserving import reservation_of, reserve
from application.bus import Run
from application.credentials import CredentialCheck
from application.emails import known_form, mailable_form
from application.unit import Done, Unit
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    ChangeEmail,
    ReleaseEmail,
    WrongToken,
)
from domain.decider import Erased
from domain.emails import canonical_email
from domain.rejections import Fault, Invalid


class AskForEmailChange(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for another address; `address` is the client's."""

    account: str
    current_password: str
    email: str
    address: str


@dataclass(frozen=True)
class AskForEmailChangeHandler:
    """Carries out `AskForEmailChange`."""

    check: CredentialCheck
    mail: TokenMail

    async def __call__(self, command: AskForEmailChange, run: Run) -> Done[None]:
        """Send a token to the new address, or, if it is somebody's, a word to them.

        Raises:
            Invalid: it can be no address, or is the one that the account has.
            LockedOut, WrongCredentials: the current password was not right.
        """
        form = known_form(command.email)
        checked = await self.check.confirm(
            command.account, command.current_password, command.address, run
        )
        await self.check.passed(checked)
        if form == _form(checked.account):
            detail = "email is the address that the account has"
            raise Invalid(Fault(pointer="/email", code="unchanged", detail=detail))
        may_write = await self.mail.limit(form, command.address)

        async def decide(unit: Unit) -> None:
            if not may_write:
                return
            reservation = await reservation_of(unit, self.mail.email_hash(form))
            if not reservation.account:
                email = mailable_form(command.email)
                await self.mail.email_change(unit, command.account, email)
                return
            owner = await unit.load(ACCOUNT, reservation.account)
            if isinstance(owner, Account):
                self.mail.letters.post(
                    unit, kind="account-exists", person=reservation.account, to=owner.email
                )

        return await run(decide, lanes=[(ACCOUNT, command.account)])


class ConfirmEmailChange(msgspec.Struct, frozen=True, kw_only=True):
    """Show the token that was mailed to the new address."""

    account: str
    token: str


@dataclass(frozen=True)
class ConfirmEmailChangeHandler:
    """Carries out `ConfirmEmailChange`: both reservations and the account in one append."""

    mail: TokenMail
    now: Callable[[], datetime]

    async def __call__(self, command: ConfirmEmailChange, run: Run) -> Done[None]:
        """Give the account its new address, and tell the old one.

        Raises:
            WrongToken: the token opens nothing for this account.
            EmailTaken: somebody else has taken the address meanwhile.
        """
        given = self.mail.given(EMAIL_CHANGE, command.token)
        if given.owner != command.account:
            raise WrongToken

        async def decide(unit: Unit) -> None:
            at, id_ = self.now(), command.account
            before = await unit.load(ACCOUNT, id_)
            after = await unit.decide(ACCOUNT, id_, ChangeEmail(token_hash=given.hash, at=at))
            old, new = _form(before), _form(after)
            assert new is not None  # noqa: S101 - it was an address when it was asked for
            await reserve(unit, self.mail.email_hash(new), id_, at)
            if old is not None:
                release = ReleaseEmail(account=id_, at=at)
                await unit.decide(EMAIL, self.mail.email_hash(old), release)
            assert isinstance(before, Account)  # noqa: S101 - or the decider has refused
            self.mail.letters.post(unit, kind="email-changed", person=id_, to=before.email)

        return await run(decide, lanes=[(ACCOUNT, command.account)])


def _form(account: object) -> str | None:
    """The form of an account's address, unless it was erased."""
    if not isinstance(account, Account) or isinstance(account.email, Erased):
        return None
    return canonical_email(account.email)
