"""Proving again who one is: a session goes on under another token, authenticated anew.

As every raise of privilege it is a new session that replaces the old one in the same append, so a
token that was read by somebody earlier opens nothing of what is sensitive. It expires when the old
one would have: nobody stays signed in for ever by proving it again.
"""

from dataclasses import dataclass

import msgspec

from application.bus import Run
from application.credentials import CredentialCheck
from application.second_factors.checking import GivenFactor, SecondFactorCheck
from application.second_factors.signing_in import completing
from application.session_store import LiveSession
from application.signing_in import PASSWORD, Opening, SessionOpener, SignedIn
from application.unit import Done, Unit
from domain.accounts import Account
from domain.rejections import Unauthenticated
from domain.sessions import SESSION, OpenSession


class StepUp(msgspec.Struct, frozen=True, kw_only=True):
    """Prove again whose a session is, by the password and what else the account asks for."""

    session: LiveSession
    password: str
    given: GivenFactor
    address: str
    device: str | None


@dataclass(frozen=True)
class StepUpHandler:
    """Carries out `StepUp`. Wrong passwords and factors count in the lock-out as at sign-in."""

    check: CredentialCheck
    second_factor: SecondFactorCheck
    open: SessionOpener

    async def __call__(self, command: StepUp, run: Run) -> Done[SignedIn]:
        """Check the password, and replace the session.

        Raises:
            LockedOut: too many sign-ins of this account or from this address have failed.
            WrongCredentials: the password is wrong.
            SecondFactorRequired: the password was right, and is not enough.
            WrongSecondFactor: the second factor is wrong.
            Unauthenticated: the session has ended meanwhile.
        """
        session = command.session
        checked = await self.check.confirm(session.account, command.password, command.address, run)
        opening = Opening(
            account=session.account,
            password_hash=checked.account.password_hash,
            methods=(PASSWORD, *command.given.methods),
            address=command.address,
            device=command.device,
            tenant=session.tenant,
            replaces=session.id,
            expires_at=session.expires_at,
        )

        async def prove(unit: Unit, _account: Account) -> None:
            replaced = await unit.load(SESSION, session.id)
            if not isinstance(replaced, OpenSession):
                raise Unauthenticated
            await self.second_factor(unit, session.account, command.given, tenant=session.tenant)

        async with completing(self.check, checked, run):
            return await self.open(run, opening, prove)
