"""Signing in with more than a password, or with a passkey alone.

A passkey whose authenticator has verified the person is two factors at once: something they have,
and a fingerprint or PIN. Failures with a passkey count for the client's address alone, as nobody
guesses a signature: so a stranger cannot lock a person out of a passkey by wrong passwords.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from application.bus import Run
from application.credentials import (
    Checked,
    CredentialCheck,
    WrongCredentials,
    counted_as,
    passkeys_counted_as,
)
from application.event_store import Outage
from application.memberships import Standings
from application.second_factors.challenges import SECOND_FACTOR, SIGN_IN, is_for
from application.second_factors.checking import BY_PASSKEY, GivenFactor, SecondFactorCheck
from application.second_factors.ports import Assertion, RelyingParty, SealedChallenge
from application.session_tenants import insist_on_belonging
from application.signing_in import PASSWORD, Opening, SessionOpener, SignedIn
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account
from domain.rejections import Rejection, Unauthenticated
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.state import WrongSecondFactor


class CompleteSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Complete a sign-in whose password was right with a second factor."""

    challenge: str
    given: GivenFactor
    address: str
    device: str | None
    replaces: str = ""


class SignInWithPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """Sign in with a passkey alone; `credential` is a browser's answer, as JSON."""

    credential: Any
    party: RelyingParty
    address: str
    device: str | None
    replaces: str = ""


class WrongPasskey(Unauthenticated):
    """The passkey is unknown, wrong or removed, or its challenge does not count."""

    slug = "wrong-passkey"
    title = "This passkey opens nothing here"


@dataclass(frozen=True)
class CompleteSignInHandler:
    """Carries out `CompleteSignIn`. Wrong factors count in the lock-out as wrong passwords do."""

    check: CredentialCheck
    second_factor: SecondFactorCheck
    open: SessionOpener
    standings: Standings

    async def __call__(self, command: CompleteSignIn, run: Run) -> Done[SignedIn]:
        """Use the factor and start the session in one append.

        Raises:
            LockedOut: too many sign-ins of this account or from this address have failed.
            NotYourTenant: it is right, but the person is nobody in the tenant that they want.
            WrongSecondFactor: in every other case.
        """
        challenge = self.second_factor.challenges.opened(SECOND_FACTOR, command.challenge)
        if challenge is None:
            raise WrongSecondFactor
        account = await _account(challenge.account, run)
        if account is None or not is_for(challenge, challenge.account, account):
            raise WrongSecondFactor
        subject = counted_as(challenge.account, account)
        attempt = await self.check.reserve(subject, command.address)
        checked = Checked(id=challenge.account, account=account, attempt=attempt)
        async with completing(self.check, checked, run):
            return await self._open(command, challenge, account, run)

    async def _open(
        self, command: CompleteSignIn, challenge: SealedChallenge, account: Account, run: Run
    ) -> Done[SignedIn]:
        async def use(unit: Unit, _account: Account) -> None:
            await self.second_factor(unit, challenge.account, command.given, challenge=challenge)
            await insist_on_belonging(self.standings, challenge.account, challenge.tenant)

        opening = Opening(
            account=challenge.account,
            password_hash=account.password_hash,
            methods=(PASSWORD, *command.given.methods),
            address=command.address,
            device=command.device,
            tenant=challenge.tenant,
            replaces=command.replaces,
        )
        try:
            return await self.open(run, opening, use)
        except WrongCredentials:  # the password has just changed
            raise WrongSecondFactor from None


@dataclass(frozen=True)
class SignInWithPasskeyHandler:
    """Carries out `SignInWithPasskey`."""

    check: CredentialCheck
    second_factor: SecondFactorCheck
    open: SessionOpener

    async def __call__(self, command: SignInWithPasskey, run: Run) -> Done[SignedIn]:
        """Check the signature and start the session in one append.

        Raises:
            LockedOut: too many sign-ins from this address have failed.
            WrongPasskey: in every other case; an account that is to be verified first is one.
        """
        await self.second_factor.passkeys.warm_up()
        assertion = self.second_factor.passkeys.read_assertion(command.credential)
        if assertion is None or not assertion.account:
            raise WrongPasskey
        challenge = self.second_factor.challenges.opened(SIGN_IN, assertion.challenge)
        if challenge is None:
            raise WrongPasskey
        attempt = await self.check.reserve(passkeys_counted_as(assertion.account), command.address)
        try:
            done = await self._open(command, assertion, challenge, run)
        except (WrongSecondFactor, WrongCredentials):
            await self.check.lockout.failed(attempt)
            raise WrongPasskey from None
        except (Rejection, Outage):
            await self.check.lockout.withdrawn(attempt)
            raise
        await self.check.lockout.succeeded(attempt)
        return done

    async def _open(
        self, command: SignInWithPasskey, assertion: Assertion, challenge: SealedChallenge, run: Run
    ) -> Done[SignedIn]:
        async def use(unit: Unit, account: Account) -> None:
            if not self.check.admits(account):
                raise WrongCredentials
            factors = await unit.load(SECOND_FACTORS, assertion.account)
            used = self.second_factor.use_of_passkey(
                factors, command.credential, command.party, challenge
            )
            if used is None:
                raise WrongSecondFactor
            await unit.decide(SECOND_FACTORS, assertion.account, used)

        opening = Opening(
            account=assertion.account,
            password_hash=None,
            methods=BY_PASSKEY,
            address=command.address,
            device=command.device,
            replaces=command.replaces,
        )
        return await self.open(run, opening, use)


@asynccontextmanager
async def completing(check: CredentialCheck, checked: Checked, run: Run) -> AsyncIterator[None]:
    """Tell the lock-out how an attempt ends whose password was right.

    It has succeeded once everything has, and failed by a wrong second factor. Where one is asked
    for, or something else is refused or away, nothing was guessed.
    """
    try:
        yield
    except WrongSecondFactor:
        await check.failed(checked.attempt, checked.id, run)
        raise
    except (Rejection, Outage):
        await check.lockout.withdrawn(checked.attempt)
        raise
    await check.passed(checked)


async def _account(id_: str, run: Run) -> Account | None:
    async def look(unit: Unit) -> Account | None:
        found = await unit.load(ACCOUNT, id_)
        return found if isinstance(found, Account) else None

    return await run.look(look)
