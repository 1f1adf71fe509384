"""New passwords: with the old one, or with a token from a mail where that is forgotten."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.accounts.mailing import PASSWORD_RESET, TokenMail
from application.bus import Run
from application.credentials import CredentialCheck
from application.emails import known_form
from application.passwords import PasswordHasher
from application.session_store import SessionStore
from application.signing_in import PASSWORD, Opening, SessionOpener, SignedIn
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account, ChangePassword, ResetPassword, WrongToken
from domain.api_keys import API_KEY, RevokeApiKey
from domain.decider import Erased
from domain.passwords import password_fault
from domain.rejections import Invalid
from domain.second_factors.commands import RemoveAllFactors
from domain.second_factors.decider import SECOND_FACTORS
from domain.sessions import SESSION, OpenSession


class OwnSession(msgspec.Struct, frozen=True, kw_only=True):
    """The session that a person asks in, and from where."""

    id: str
    account: str
    tenant: str
    expires_at: datetime
    address: str
    device: str | None


class ChangeOwnPassword(msgspec.Struct, frozen=True, kw_only=True):
    """Take a new password in place of the current one."""

    session: OwnSession
    current_password: str
    password: str


@dataclass(frozen=True)
class ChangeOwnPasswordHandler:
    """Carries out `ChangeOwnPassword`.

    The other sessions end, and the one that this was asked in goes on under another token.
    """

    check: CredentialCheck
    open: SessionOpener
    sessions: SessionStore
    hasher: PasswordHasher
    common: Container[str]
    mail: TokenMail
    now: Callable[[], datetime]

    async def __call__(self, command: ChangeOwnPassword, run: Run) -> Done[SignedIn]:
        """Change the password, tell the person, and rotate the session.

        Raises:
            LockedOut, WrongCredentials: the current password was not right.
            Invalid: the new password is refused.
        """
        session = command.session
        checked = await self.check.confirm(
            session.account, command.current_password, session.address, run
        )
        await self.check.passed(checked)
        _refuse(command.password, checked.account, self.common)
        new = await self.hasher.hash(command.password)

        async def change(unit: Unit, account: Account) -> None:
            changed = ChangePassword(password_hash=new, at=self.now())
            await unit.decide(ACCOUNT, session.account, changed)
            self.mail.letters.post(
                unit, kind="password-changed", person=session.account, to=account.email
            )

        opening = Opening(
            account=session.account,
            password_hash=checked.account.password_hash,
            methods=await _methods(session.id, run),
            address=session.address,
            device=session.device,
            tenant=session.tenant,
            replaces=session.id,
            expires_at=session.expires_at,
        )
        done = await self.open(run, opening, change)
        # the new session's start is the last of these events; all sessions before it are ended
        await self.sessions.end_all(session.account, done.position.number - 1)
        return done


async def _methods(session: str, run: Run) -> tuple[str, ...]:
    """How the person has signed in, which a new token does not change."""

    async def look(unit: Unit) -> tuple[str, ...]:
        state = await unit.load(SESSION, session)
        return state.methods if isinstance(state, OpenSession) else ()

    return await run.look(look) or (PASSWORD,)


class AskForPasswordReset(msgspec.Struct, frozen=True, kw_only=True):
    """Have a token mailed that stands for the password, to whoever has this address."""

    email: str
    address: str


@dataclass(frozen=True)
class AskForPasswordResetHandler:
    """Carries out `AskForPasswordReset`; it looks the same whether anything is sent or not."""

    mail: TokenMail

    async def __call__(self, command: AskForPasswordReset, run: Run) -> Done[None]:
        """Send the token to an address that has an account.

        Raises:
            Invalid: it can be no address.
        """
        post = self.mail.password_reset
        return await self.mail.post_to(command.email, command.address, post, run)


class ResetForgottenPassword(msgspec.Struct, frozen=True, kw_only=True):
    """Choose a new password with a token from a mail."""

    token: str
    password: str
    address: str


@dataclass(frozen=True)
class ResetForgottenPasswordHandler:
    """Carries out `ResetForgottenPassword`; every session ends, and nobody is signed in by it.

    Where nobody had proven the address before, whoever has used the account may be a stranger:
    the second factors that they have enrolled go, and the keys that they have made.
    """

    check: CredentialCheck
    sessions: SessionStore
    hasher: PasswordHasher
    common: Container[str]
    mail: TokenMail
    now: Callable[[], datetime]

    async def __call__(self, command: ResetForgottenPassword, run: Run) -> Done[None]:
        """Replace the password.

        Raises:
            WrongToken: the token opens nothing.
            Invalid: the password is refused; the token is still good.
        """
        given = self.mail.given(PASSWORD_RESET, command.token)

        def reset(password_hash: str) -> ResetPassword:
            return ResetPassword(token_hash=given.hash, password_hash=password_hash, at=self.now())

        async def look(unit: Unit) -> Account:
            before = await unit.load(ACCOUNT, given.owner)
            ACCOUNT.decide(before, reset(""))  # whether the token opens anything
            if not isinstance(before, Account):
                raise WrongToken
            return before

        account = await run.look(look)
        _refuse(command.password, account, self.common)
        command_ = reset(await self.hasher.hash(command.password))

        async def decide(unit: Unit) -> None:
            before = await unit.load(ACCOUNT, given.owner)
            await unit.decide(ACCOUNT, given.owner, command_)
            if isinstance(before, Account) and not before.verified:
                await _leave_nothing(unit, given.owner, before, command_.at)
            self.mail.letters.post(
                unit, kind="password-changed", person=given.owner, to=account.email
            )

        done = await run(decide, lanes=[(ACCOUNT, given.owner)])
        await self.sessions.end_all(given.owner, done.position.number)
        if not isinstance(account.email, Erased):
            await self.check.trust(known_form(account.email), command.address)
        return done


async def _leave_nothing(unit: Unit, id_: str, account: Account, at: datetime) -> None:
    """End what lets somebody in, beside passwords and sessions."""
    await unit.decide(SECOND_FACTORS, id_, RemoveAllFactors(at=at))
    for key in account.unproven_keys:
        await unit.decide(API_KEY, key, RevokeApiKey(key=key, at=at))


def _refuse(password: str, account: Account, common: Container[str]) -> None:
    """Refuse a new password of an account.

    Raises:
        Invalid: saying what is wrong with it.
    """
    email = "" if isinstance(account.email, Erased) else account.email
    fault = password_fault(password, email, common)
    if fault is not None:
        raise Invalid(fault)
