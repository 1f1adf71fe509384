"""Lifting an account's lock-out: an admin lets what has failed count no more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.credentials import counted_as, passkeys_counted_as
from application.lockout import CountedFailures
from application.unit import Done, Unit
from domain.accounts import (
    ACCOUNT,
    AnyAccount,
    LiftLockout,
    NoSuchAccount,
    known_account,
)


class Unlock(msgspec.Struct, frozen=True, kw_only=True):
    """Forget the failed sign-ins of an account."""

    account: str


@dataclass(frozen=True)
class UnlockHandler:
    """Carries out `Unlock`.

    Who lifts it is recorded before anything is forgotten: if the counters go away in between, the
    caller hears of it, and what is asked anew is recorded and done anew.
    """

    failures: CountedFailures
    now: Callable[[], datetime]

    async def __call__(self, command: Unlock, run: Run) -> Done[None]:
        """Record it if there is anything to forget, and forget it.

        Raises:
            NoSuchAccount: there is no such account.
        """
        id_ = command.account
        names: tuple[str, ...] = ()

        async def decide(unit: Unit) -> None:
            nonlocal names
            names = _names(id_, await unit.load(ACCOUNT, id_))
            counted = [await self.failures.any_of(each) for each in names]
            await unit.decide(ACCOUNT, id_, LiftLockout(counted=any(counted), at=self.now()))

        done = await run(decide, lanes=[(ACCOUNT, id_)])
        for each in names:
            await self.failures.forget(each)
        return done


def _names(id_: str, account: AnyAccount) -> tuple[str, ...]:
    """What the account's failures are counted under."""
    known = known_account(account)
    if known is None:
        raise NoSuchAccount
    return counted_as(id_, known), passkeys_counted_as(id_)
