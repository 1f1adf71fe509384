"""Credentials: whose an address and a password are; the lock-out stands before it.

Failed sign-ins are counted outside the log. It learns of the onset of a lock-out, of each pause
that holds everywhere, and of at most one coalesced event per account and minute; guesses at
addresses without an account leave no trace in it, so an attack cannot grow the log.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from application.bus import Run
from application.emails import NameHash, known_form
from application.event_store import Outage
from application.lockout import Attempt, Failure, Locked, Lockout
from application.passwords import PasswordHasher, Verified
from application.unit import Unit
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    LockOut,
    NoSuchAccount,
    RecordFailedSignIns,
    RehashPassword,
)
from domain.decider import Erased
from domain.password_costs import INSTALLATION, PASSWORD_COSTS, PasswordCosts
from domain.rejections import LimitExceeded, Unauthenticated


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


class _Found(msgspec.Struct, frozen=True):
    """The account of an address, if it has one, and which costs anybody's hash may have."""

    owner: tuple[str, Account] | None
    costs: frozenset[PasswordCosts]


def counted_as(id_: str, account: Account) -> str:
    """The name that failures of an account's person are counted under, but for passkeys'."""
    return id_ if isinstance(account.email, Erased) else known_form(account.email)


def passkeys_counted_as(id_: str) -> str:
    """The name that failures with an account's passkeys are counted under."""
    return f"passkey/{id_}"


@dataclass(frozen=True)
class CredentialCheck:
    """Tells whose an address and a password are; the lock-out stands before it.

    A hash of other costs than today's, or of another function, is replaced once its password is
    known. With `verified_only` an account whose address was not verified opens nothing, and nobody
    can tell that from a wrong password: it is checked as if there were none.
    """

    hasher: PasswordHasher
    lockout: Lockout
    email_hash: NameHash
    now: Callable[[], datetime]
    verified_only: bool = False

    async def __call__(self, given: Credentials, run: Run) -> Checked:
        """Check the password of whoever signs in.

        Raises:
            Invalid: the address can be none.
            LockedOut: too many sign-ins of this account or from this address have failed.
            WrongCredentials: in every other case, after the same time.
        """
        email = known_form(given.email)
        attempt = await self.reserve(email, given.address)
        async with self._unjudged(attempt):
            found = await self._found(email, run)
            await self.hasher.expect(found.costs)
            owner = found.owner
            known = owner[1].password_hash if owner and self.admits(owner[1]) else None
            verified = await self.hasher.verify(known, given.password)
        if owner is None or not verified.ok:
            await self.failed(attempt, owner[0] if owner else None, run)
            raise WrongCredentials
        return await self._checked(*owner, attempt, verified, given.password, run)

    def admits(self, account: Account) -> bool:
        """Whether an account may be signed in to at all, however that is proved."""
        return account.verified or not self.verified_only

    async def confirm(self, id_: str, password: str, address: str, run: Run) -> Checked:
        """Check the password of an account that is signed in; its failures count as others do.

        Raises:
            LockedOut: too many sign-ins of this account or from this address have failed.
            WrongCredentials: the password is wrong.
            NoSuchAccount: the account is not open any more.
        """

        async def look(unit: Unit) -> Account:
            account = await unit.load(ACCOUNT, id_)
            if not isinstance(account, Account):
                raise NoSuchAccount
            return account

        account = await run.look(look)
        attempt = await self.reserve(counted_as(id_, account), address)
        async with self._unjudged(attempt):
            verified = await self.hasher.verify(account.password_hash, password)
        if not verified.ok:
            await self.failed(attempt, id_, run)
            raise WrongCredentials
        return await self._checked(id_, account, attempt, verified, password, run)

    @asynccontextmanager
    async def _unjudged(self, attempt: Attempt) -> AsyncIterator[None]:
        """While nobody knows whether the password is right, an outage makes it no failure."""
        try:
            yield
        except Outage:
            await self.lockout.withdrawn(attempt)
            raise

    async def _checked(
        self,
        id_: str,
        account: Account,
        attempt: Attempt,
        verified: Verified,
        password: str,
        run: Run,
    ) -> Checked:
        if verified.needs_rehash:
            account = await self._rehashed(id_, account, password, run)
        return Checked(id=id_, account=account, attempt=attempt)

    async def _rehashed(self, id_: str, account: Account, password: str, run: Run) -> Account:
        """The account once its password has a hash of today's; a twin may have made that."""
        assert account.password_hash is not None  # noqa: S101 - it was right
        replaces, new = account.password_hash, await self.hasher.hash(password)

        async def decide(unit: Unit) -> Account:
            now = await unit.load(ACCOUNT, id_)
            if not isinstance(now, Account) or now.passwords != account.passwords:
                raise WrongCredentials
            rehash = RehashPassword(replaces=replaces, password_hash=new, at=self.now())
            after = await unit.decide(ACCOUNT, id_, rehash)
            assert isinstance(after, Account)  # noqa: S101 - a rehash closes nothing
            return after

        return (await run.aside(decide, lanes=[(ACCOUNT, id_)])).result

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

    async def trust(self, email: str, address: str) -> None:
        """Somebody at this address has shown by mail that the account is theirs: let them try."""
        await self.lockout.trust(email, address)

    async def failed(self, attempt: Attempt, account: str | None, run: Run) -> None:
        """A factor was wrong: count it, and record what is notable about an account's failures."""
        failure = await self.lockout.failed(attempt)
        if account is None or not (failure.onset or failure.first_in_minute):
            return

        async def decide(unit: Unit) -> None:
            for command in self._facts(failure):
                await unit.decide(ACCOUNT, account, command)

        await run.aside(decide, lanes=[(ACCOUNT, account)])

    async def _found(self, email: str, run: Run) -> _Found:
        """What there is to check; looked up the same way whether there is an account or not."""
        address = self.email_hash(email)

        async def look(unit: Unit) -> _Found:
            reservation = await unit.load(EMAIL, address)
            account = await unit.load(ACCOUNT, reservation.account or address)
            known = await unit.load(PASSWORD_COSTS, INSTALLATION)
            owner = (reservation.account, account) if isinstance(account, Account) else None
            return _Found(owner, known.costs)

        return await run.look(look)

    def _facts(self, failure: Failure) -> list[RecordFailedSignIns | LockOut]:
        at = self.now()
        facts: list[RecordFailedSignIns | LockOut] = []
        if failure.first_in_minute and failure.earlier_minute is not None:
            facts.append(
                RecordFailedSignIns(
                    minute=failure.earlier_minute, count=failure.earlier_failures, at=at
                )
            )
        if failure.onset:
            until = at + timedelta(seconds=failure.locked_for)
            everywhere = failure.onset == "everywhere"
            facts.append(LockOut(until=until, everywhere=everywhere, at=at))
        return facts
