"""Signing in: who an address and a password belong to, and the one way to begin a session.

Failed sign-ins are counted outside the log. It learns of the onset of a lock-out, and of at most
one coalesced event per account and minute; guesses at addresses without an account leave no
trace in it, so an attack cannot grow the log.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import msgspec

from application.accounts import LONGEST_PASSWORD, NameHash, canonical_email
from application.bus import Run
from application.lockout import Attempt, Locked, Lockout, Report
from application.passwords import PasswordHasher
from application.session_store import LiveSession, SessionStore
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, EMAIL, Account, LockOut, RecordFailedSignIns
from domain.recorded import DEFAULT_TENANT
from domain.rejections import LimitExceeded, Unauthenticated
from domain.sessions import SESSION, EndSession, StartSession

R = TypeVar("R")

PASSWORD = "pwd"  # noqa: S105 - an `amr` value of RFC 8176


class WrongCredentials(Unauthenticated):
    """The address is unknown or the password is wrong: the same answer for both."""

    slug = "wrong-credentials"
    title = "The e-mail address or the password is wrong"


class LockedOut(LimitExceeded):
    """Too many sign-ins have failed; none is tried before `retry_after`."""

    slug = "locked-out"
    title = "Too many failed sign-ins"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody gives from a client `address`."""

    email: str
    password: str
    address: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """An account whose password was right, and the attempt that its other factors may still fail.

    Who completes the sign-in takes the attempt back (`CredentialCheck.passed`); until then it
    counts as a failure.
    """

    id: str
    account: Account
    attempt: Attempt
    needs_rehash: bool


@dataclass(frozen=True)
class CredentialCheck:
    """Tells whose an address and a password are; the lock-out stands before it."""

    hasher: PasswordHasher
    lockout: Lockout
    email_hash: NameHash
    now: Callable[[], datetime]

    async def __call__(self, given: Credentials, run: Run) -> Checked:
        """Check the password.

        Raises:
            LockedOut: too many sign-ins of this account or from this address have failed.
            WrongCredentials: in every other case, after the same time.
        """
        email = canonical_email(given.email)
        attempt = await self.reserve(email, given.address)
        owner = await self._owner(email, run)
        known = owner[1].password_hash if owner else None
        password = given.password[: LONGEST_PASSWORD + 1]  # a longer one is wrong in any case
        verified = await self.hasher.verify(known, password)
        if owner is None or not verified.ok:
            await self.failed(attempt, owner[0] if owner else None, run)
            raise WrongCredentials
        id_, account = owner
        return Checked(id=id_, account=account, attempt=attempt, needs_rehash=verified.needs_rehash)

    async def reserve(self, email: str, address: str) -> Attempt:
        """Count an attempt as failed before anything is checked.

        Raises:
            LockedOut: too many of this account or from this address have failed.
        """
        attempt = await self.lockout.reserve(email, address)
        if isinstance(attempt, Locked):
            raise LockedOut(retry_after=attempt.retry_after)
        return attempt

    async def passed(self, checked: Checked) -> None:
        """All factors were right: the attempt was no failure."""
        await self.lockout.succeeded(checked.attempt)

    async def failed(self, attempt: Attempt, account: str | None, run: Run) -> None:
        """A factor was wrong: count it, and record what is notable about an account's failures."""
        failure = await self.lockout.failed(attempt)
        report = failure.account
        if account is None or not (report.onset or report.first_in_minute):
            return

        async def decide(unit: Unit) -> None:
            for command in self._facts(report):
                await unit.decide(ACCOUNT, account, command)

        await run.aside(decide, lanes=[(ACCOUNT, account)])

    async def _owner(self, email: str, run: Run) -> tuple[str, Account] | None:
        """The account of an address; looked up the same way whether there is one or not."""

        async def look(unit: Unit) -> tuple[str, Account] | None:
            reservation = await unit.load(EMAIL, self.email_hash(email))
            account = await unit.load(ACCOUNT, reservation.account or "nobody")
            return (reservation.account, account) if isinstance(account, Account) else None

        return await run.look(look)

    def _facts(self, report: Report) -> list[RecordFailedSignIns | LockOut]:
        at = self.now()
        facts: list[RecordFailedSignIns | LockOut] = []
        if report.first_in_minute and report.earlier_minute is not None:
            facts.append(
                RecordFailedSignIns(
                    minute=report.earlier_minute, count=report.earlier_failures, at=at
                )
            )
        if report.onset:
            facts.append(LockOut(until=at + timedelta(seconds=report.locked_for), at=at))
        return facts


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The session that somebody who has proved who they are is to have.

    `password_hash` is the one that was checked: a password that changes meanwhile opens nothing.
    None where the password was not asked (a passkey). `replaces` names the session that ends in
    the same append; the new one keeps its `expires_at`.
    """

    account: str
    password_hash: str | None
    methods: tuple[str, ...]
    address: str
    device: str | None
    tenant: str = DEFAULT_TENANT
    replaces: str = ""
    expires_at: datetime | None = None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The session; its token is told only here."""

    id: str
    account: str
    token: str
    expires_at: datetime


Also = Callable[[Unit, Account], Awaitable[None]]
"""Decides more in the append that starts a session."""

Give = Callable[[Unit, SignedIn], Awaitable[R]]
"""Decides more in that append, and makes of the session what its opener gets."""


@dataclass(frozen=True)
class SessionOpener:
    """The one way in which anybody comes to be signed in."""

    sessions: SessionStore
    new_token: Callable[[], str]
    lifetime: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, run: Run, opening: Opening, also: Also | None = None
    ) -> Done[SignedIn]:
        """Record the session, with what `also` decides, and make it live.

        Raises:
            WrongCredentials: the account is not open any more, or its password has changed.
        """
        return await self.giving(_itself, run, opening, also)

    async def giving(
        self, give: Give[R], run: Run, opening: Opening, also: Also | None = None
    ) -> Done[R]:
        """As a call, for who wants something else than the session."""
        at = self.now()
        expires_at = opening.expires_at or at + self.lifetime
        token, session = self.new_token(), str(self.new_id())
        token_hash = hashlib.sha256(token.encode()).hexdigest()
        start = StartSession(
            account=opening.account,
            token_hash=token_hash,
            authenticated_at=at,
            expires_at=expires_at,
            tenant=opening.tenant,
            methods=opening.methods,
            replaces=opening.replaces,
            address=opening.address,
            device=opening.device,
            at=at,
        )

        async def decide(unit: Unit) -> R:
            account = await unit.guard(ACCOUNT, opening.account)
            if not isinstance(account, Account):
                raise WrongCredentials
            if opening.password_hash not in (None, account.password_hash):
                raise WrongCredentials
            if also is not None:
                await also(unit, account)
            if opening.replaces:
                end = EndSession(session=opening.replaces, reason="replaced", at=at)
                await unit.decide(SESSION, opening.replaces, end)
            unit.begin(SESSION, session, start)
            signed_in = SignedIn(
                id=session, account=opening.account, token=token, expires_at=expires_at
            )
            return await give(unit, signed_in)

        done = await run(decide)
        await self.sessions.put(
            LiveSession(
                id=session,
                token_hash=token_hash,
                account=opening.account,
                tenant=opening.tenant,
                created_at=at,
                authenticated_at=at,
                expires_at=expires_at,
                position=done.position.number,
            )
        )
        if opening.replaces:
            await self.sessions.end(opening.replaces)
        return done


async def _itself(_unit: Unit, signed_in: SignedIn) -> SignedIn:
    return signed_in
