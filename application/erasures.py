"""What follows from an erasure, until all of it is done.

Memberships end by commands. Keys are destroyed, and what is kept outside of the log is forgotten,
by an effect that is tried until it has worked.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from application.bus import Run
from application.effects import Broken, Due
from application.memberships import holder_of
from application.personal_data import Person
from application.reactions import Do, Effect, Reaction
from application.unit import Done, Unit
from application.vault import Vault
from domain.accounts import ACCOUNT, AccountErased, ConfirmErasure, ErasedAccount
from domain.mail import MAIL, Mail
from domain.memberships import MEMBERSHIP, EndMembership, Membership
from domain.recorded import Recorded
from domain.retries import RetryPolicy, backoff
from domain.roles import ROLE, TakeRole, is_watched
from domain.tenants import ACCOUNT_TENANTS, LeaveTenant

ERASE = "erase"
PATIENCE = 60.0  # seconds
RETRY = RetryPolicy(base=0.5, cap=60.0)
"""Tried for ever: an erasure is not given up."""

Scrub = Callable[[Person], Awaitable[None]]
"""Forgets what is kept of a person outside of the log. Raises `Outage`."""


class LeaveErased(msgspec.Struct, frozen=True, kw_only=True):
    """End the membership of an account that was erased."""

    account: str


@dataclass(frozen=True)
class LeaveErasedHandler:
    """Carries out `LeaveErased` in the tenant that the command is executed in."""

    now: Callable[[], datetime]

    async def __call__(self, command: LeaveErased, run: Run) -> Done[None]:
        """End it, if there is one."""
        id_ = command.account

        async def decide(unit: Unit) -> None:
            at, before = self.now(), await unit.load(MEMBERSHIP, id_)
            if isinstance(before, Membership) and is_watched(before.role):  # the last owner, too
                take = TakeRole(holder=holder_of(id_), must_be_held=False, at=at)
                await unit.decide(ROLE, before.role, take)
            await unit.decide(MEMBERSHIP, id_, EndMembership(reason="erased", at=at))
            leave = LeaveTenant(tenant=run.context.tenant, at=at)
            await unit.decide(ACCOUNT_TENANTS, id_, leave)

        return await run(decide, lanes=[(MEMBERSHIP, id_)])


def react(recorded: Recorded[AccountErased]) -> Sequence[Effect | Do]:
    """Whoever is erased belongs to no tenant, and has no keys."""
    leave = LeaveErased(account=recorded.stream_id)
    left = [Do(command=leave, tenant=tenant) for tenant in recorded.event.tenants]
    return [Effect(kind=ERASE), *left]


REACTION = Reaction(name="personal-data", handles=(AccountErased,), react=react, from_start=True)


class Remainder(Person, frozen=True, kw_only=True):
    """What of an erasure is to be carried out now; `telling`: the letter is still under way."""

    telling: bool


@dataclass(frozen=True)
class CarryOutErasure:
    """Destroys the keys and forgets the rest, again and again until both have worked.

    The key of the last letter goes when that was sent or given up.
    """

    vault: Vault
    scrub: Scrub

    source = ACCOUNT

    async def begin(self, unit: Unit, due: Due) -> Remainder | None:
        """What is left to do, if anything is."""
        account = await unit.load(ACCOUNT, due.event.stream_id)
        if not isinstance(account, ErasedAccount) or not account.pending:
            return None
        telling = await _is_under_way(unit, account.letter)
        keys = [key for key in account.pending if not (telling and key == account.letter)]
        is_first = any(key != account.letter for key in account.pending)
        return Remainder(
            keys=tuple(keys), tenants=account.tenants if is_first else (), telling=telling
        )

    def patience(self, _payload: Remainder) -> float:
        """As long as everything together may take."""
        return PATIENCE

    async def carry_out(self, payload: Remainder, _due: Due) -> None:
        """Destroy and forget; all of it may be done twice."""
        for owner in payload.owners:
            await self.vault.destroy(owner)
        await self.scrub(payload)

    async def finish(
        self,
        unit: Unit,
        due: Due,
        payload: Remainder,
        result: Broken | None,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Record what is done, and when to go on."""
        again = at + timedelta(seconds=backoff(RETRY, due.attempt, chance))
        if isinstance(result, Broken):
            return again
        await unit.decide(ACCOUNT, due.event.stream_id, ConfirmErasure(keys=payload.keys, at=at))
        return again if payload.telling else None


async def _is_under_way(unit: Unit, letter: str) -> bool:
    """Whether a letter is still to be sent; it stays so until the unit is recorded."""
    if not letter:
        return False
    mail = await unit.guard(MAIL, letter)
    return isinstance(mail, Mail) and mail.waits
