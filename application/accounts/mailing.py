"""What use cases of accounts need to mail one-time tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.emails import NameHash
from application.letter_limit import LetterLimit
from application.mail import Letters
from application.one_time_tokens import GivenToken, OneTimeTokens
from application.unit import Unit
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    AskEmailChange,
    AskPasswordReset,
    AskVerification,
    WrongToken,
)

VERIFICATION = "av"
PASSWORD_RESET = "ar"  # noqa: S105 - a purpose
EMAIL_CHANGE = "ae"
_LIFETIMES = {
    VERIFICATION: timedelta(hours=24),
    PASSWORD_RESET: timedelta(minutes=30),
    EMAIL_CHANGE: timedelta(hours=24),
}


@dataclass(frozen=True)
class TokenMail:
    """Makes one-time tokens known to accounts, and posts them in the same unit."""

    tokens: OneTimeTokens
    letters: Letters
    limit: LetterLimit
    email_hash: NameHash
    now: Callable[[], datetime]

    async def owner(self, unit: Unit, email: str) -> tuple[str, Account] | None:
        """The open account of an address (in its form)."""
        reservation = await unit.load(EMAIL, self.email_hash(email))
        if not reservation.account:
            return None
        account = await unit.load(ACCOUNT, reservation.account)
        return (reservation.account, account) if isinstance(account, Account) else None

    async def verification(self, unit: Unit, id_: str, account: Account) -> None:
        """Send what proves that the account's address is the person's."""
        token, at = self.tokens.new(VERIFICATION, id_), self.now()
        until = at + _LIFETIMES[VERIFICATION]
        ask = AskVerification(token_hash=token.hash, expires_at=until, at=at)
        await unit.decide(ACCOUNT, id_, ask)
        self.letters.post(
            unit,
            kind="verify-address",
            person=id_,
            to=account.email,
            token=token.text,
            until=until,
        )

    async def password_reset(self, unit: Unit, id_: str, account: Account) -> None:
        """Send what opens the account in place of its password."""
        token, at = self.tokens.new(PASSWORD_RESET, id_), self.now()
        until = at + _LIFETIMES[PASSWORD_RESET]
        ask = AskPasswordReset(token_hash=token.hash, expires_at=until, at=at)
        await unit.decide(ACCOUNT, id_, ask)
        self.letters.post(
            unit,
            kind="password-reset",
            person=id_,
            to=account.email,
            token=token.text,
            until=until,
        )

    async def email_change(self, unit: Unit, id_: str, email: str) -> None:
        """Send what proves that the new address is the person's, too."""
        token, at = self.tokens.new(EMAIL_CHANGE, id_), self.now()
        until = at + _LIFETIMES[EMAIL_CHANGE]
        ask = AskEmailChange(email=email, token_hash=token.hash, expires_at=until, at=at)
        await unit.decide(ACCOUNT, id_, ask)
        self.letters.post(
            unit, kind="email-change", person=id_, to=email, token=token.text, until=until
        )

    def given(self, purpose: str, text: str) -> GivenToken:
        """What a text is that somebody gives as a token of this purpose.

        Raises:
            WrongToken: it has not even the form of one.
        """
        given = self.tokens.read(purpose, text)
        if given is None:
            raise WrongToken
        return given
