"""Closing accounts, by their person or by an admin, and opening them again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.accounts.mailing import TokenMail
from application.bus import Run
from application.credentials import CredentialCheck
from application.session_store import SessionStore
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account, AnyAccount, CloseAccount, ReopenAccount


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """Close an account."""

    account: str


@dataclass(frozen=True)
class CloseHandler:
    """Carries out `Close`; answers only after no session of it opens anything any more."""

    sessions: SessionStore
    mail: TokenMail
    now: Callable[[], datetime]

    async def __call__(self, command: Close, run: Run) -> Done[AnyAccount]:
        """Close the account, and tell its person.

        Raises:
            NoSuchAccount: there is no such account.
        """
        id_ = command.account

        async def decide(unit: Unit) -> AnyAccount:
            before = await unit.load(ACCOUNT, id_)
            after = await unit.decide(ACCOUNT, id_, CloseAccount(at=self.now()))
            if isinstance(before, Account):
                self.mail.letters.post(unit, kind="account-closed", person=id_, to=before.email)
            return after

        done = await run(decide, lanes=[(ACCOUNT, id_)])
        await self.sessions.end_all(id_, done.position.number)
        return done


class CloseOwn(msgspec.Struct, frozen=True, kw_only=True):
    """Close one's own account."""

    account: str
    current_password: str
    address: str


@dataclass(frozen=True)
class CloseOwnHandler:
    """Carries out `CloseOwn`."""

    check: CredentialCheck
    close: CloseHandler

    async def __call__(self, command: CloseOwn, run: Run) -> Done[AnyAccount]:
        """Close the account once the password was right.

        Raises:
            LockedOut, WrongCredentials: the current password was not right.
        """
        checked = await self.check.confirm(
            command.account, command.current_password, command.address, run
        )
        await self.check.passed(checked)
        return await self.close(Close(account=command.account), run)


class Reopen(msgspec.Struct, frozen=True, kw_only=True):
    """Open a closed account again."""

    account: str


@dataclass(frozen=True)
class ReopenHandler:
    """Carries out `Reopen`."""

    now: Callable[[], datetime]

    async def __call__(self, command: Reopen, run: Run) -> Done[AnyAccount]:
        """Reopen the account.

        Raises:
            NoSuchAccount: there is no such account.
        """

        async def decide(unit: Unit) -> AnyAccount:
            return await unit.decide(ACCOUNT, command.account, ReopenAccount(at=self.now()))

        return await run(decide, lanes=[(ACCOUNT, command.account)])
