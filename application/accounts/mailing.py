"""What use cases of accounts need to mail one-time tokens."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from application.bus import Run
from application.emails import NameHash, known_form
from application.letter_limit import LetterLimit
from application.mail import Letters
from application.one_time_tokens import GivenToken, OneTimeTokens
from application.unit import Done, Unit
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    AccountCommand,
    AskEmailChange,
    AskPasswordReset,
    AskVerification,
    WrongToken,
)
from domain.decider import Erased
from domain.mail import MailKind

VERIFICATION = "av"
PASSWORD_RESET = "ar"  # noqa: S105 - a purpose
EMAIL_CHANGE = "ae"
_LIFETIMES = {
    VERIFICATION: timedelta(hours=24),
    PASSWORD_RESET: timedelta(minutes=30),
    EMAIL_CHANGE: timedelta(hours=24),
}


Post = Callable[[Unit, str, Account], Awaitable[None]]
"""Posts something to an open account, whose id comes with it."""


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

    async def post_to(self, email: str, address: str, post: Post, run: Run) -> Done[None]:
        """Post to whoever has this e-mail address; it looks the same where nobody has.

        `address` is that of the client who asks.

        Raises:
            Invalid: it can be no e-mail address.
        """
        form = known_form(email)
        may_write = await self.limit(form, address)

        async def decide(unit: Unit) -> None:
            owner = await self.owner(unit, form)
            if may_write:  # as often as that, no more, an answer is kept for somebody unknown
                unit.keep_answer()
            if may_write and owner is not None:
                await post(unit, *owner)

        return await run(decide)

    async def verification(self, unit: Unit, id_: str, account: Account) -> None:
        """Send what proves that the account's address is the person's."""
        await self._send(unit, VERIFICATION, "verify-address", id_, account.email, AskVerification)

    async def password_reset(self, unit: Unit, id_: str, account: Account) -> None:
        """Send what opens the account in place of its password."""
        await self._send(
            unit, PASSWORD_RESET, "password-reset", id_, account.email, AskPasswordReset
        )

    async def email_change(self, unit: Unit, id_: str, email: str) -> None:
        """Send what proves that the new address is the person's, too."""
        ask = partial(AskEmailChange, email=email)
        await self._send(unit, EMAIL_CHANGE, "email-change", id_, email, ask)

    async def _send(
        self,
        unit: Unit,
        purpose: str,
        kind: MailKind,
        id_: str,
        to: str | Erased,
        ask: Callable[..., AccountCommand],
    ) -> None:
        """Let a new token stand for reading the mail that it comes with."""
        token, at = self.tokens.new(purpose, id_), self.now()
        until = at + _LIFETIMES[purpose]
        await unit.decide(ACCOUNT, id_, ask(token_hash=token.hash, expires_at=until, at=at))
        self.letters.post(unit, kind=kind, person=id_, to=to, token=token.text, until=until)

    def given(self, purpose: str, text: str) -> GivenToken:
        """What a text is that somebody gives as a token of this purpose.

        Raises:
            WrongToken: it has not even the form of one.
        """
        given = self.tokens.read(purpose, text)
        if given is None:
            raise WrongToken
        return given
