"""Personal data: how a person is erased, everywhere and for good.

The decision is one append: the account is erased, its sessions are ended, its address is free.
What it asks for is an effect that is tried until it is done, so that a process that dies in the
middle leaves nothing half done: the keys under which everything about the person is sealed are
destroyed, in the log as in every copy that is restored later, and what was sampled outside of the
log is forgotten. Memberships end by commands, and reminders when they would next have fired. That
the keys are no more is an event of its own: with it every process drops what it still has in mind.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from application.bus import Run
from application.codec import EventCodec
from application.credentials import CredentialCheck
from application.current import CurrentStates
from application.effects import Broken, Due
from application.event_store import EventStore, StoredEvent
from application.mail import key_of_address
from application.memberships import holder_of
from application.reactions import Do, Effect, Reaction
from application.session_store import SessionStore
from application.unit import Done, Unit
from application.vault import KeyOwner, Vault
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    AccountErased,
    AccountKeysDestroyed,
    AccountRegistered,
    ClosedAccount,
    ConfirmErasure,
    EmailChanged,
    EmailReleased,
    EmailReserved,
    EraseAccount,
    ErasedAccount,
    ReleaseEmail,
)
from domain.decider import Decider
from domain.emails import canonical_email
from domain.memberships import MEMBERSHIP, EndMembership, Membership
from domain.recorded import DEFAULT_TENANT, SYSTEM_TENANT, Recorded
from domain.retries import RetryPolicy, backoff
from domain.roles import ROLE, TakeRole, is_watched
from domain.tenants import ACCOUNT_TENANTS, LeaveTenant, TenantJoined

ERASE = "erase"
PATIENCE = 60.0  # seconds
RETRY = RetryPolicy(base=0.5, cap=60.0)
"""Tried for ever: an erasure is not given up."""

_PAGE = 1000


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Under which ids somebody's data is sealed, and in which tenants it may lie."""

    keys: tuple[str, ...]
    tenants: tuple[str, ...]

    @property
    def owners(self) -> list[KeyOwner]:
        """The keys as the vault knows them."""
        return key_owners(self.keys)


def key_owners(keys: Sequence[str]) -> list[KeyOwner]:
    """People's keys as the vault knows them."""
    return [KeyOwner(SYSTEM_TENANT, "person", key) for key in keys]


@dataclass(frozen=True)
class People:
    """Tells under which ids an account's person is known, from everything that the log has."""

    store: EventStore
    codec: EventCodec
    email_hash: Callable[[str], str]

    async def __call__(self, account: str) -> Person:
        """The account, the addresses that it ever had, and the tenants that it ever joined.

        Raises:
            Outage: when the log does not answer.
        """
        keys, tenants = [account], [DEFAULT_TENANT]
        for recorded in await self._history(ACCOUNT, account):
            event = recorded.event
            if isinstance(event, AccountRegistered | EmailChanged) and isinstance(event.email, str):
                keys += await self._keys_of(account, event.email)
            if isinstance(event, AccountErased):
                keys += event.keys
                tenants += event.tenants
        for recorded in await self._history(ACCOUNT_TENANTS, account):
            if isinstance(recorded.event, TenantJoined):
                tenants.append(recorded.event.tenant)
        return Person(keys=tuple(dict.fromkeys(keys)), tenants=tuple(dict.fromkeys(tenants)))

    async def _keys_of(self, account: str, email: str) -> list[str]:
        """Whose the letters were that came to an address before it was the account's."""
        form, releases, keys = canonical_email(email), 0, []
        if form is None:
            return []
        address = self.email_hash(form)
        for recorded in await self._history(EMAIL, address):
            match recorded.event:
                case EmailReserved(account=owner) if owner == account:
                    keys.append(key_of_address(address, releases))
                case EmailReleased():
                    releases += 1
        return keys

    async def _history(self, decider: Decider[Any, Any, Any], id_: str) -> list[Recorded[Any]]:
        stream = (SYSTEM_TENANT, decider.stream(id_))
        events: list[Recorded[Any]] = []
        while page := await self.store.read_stream(stream, after=len(events), limit=_PAGE):
            events += await self.codec.decode(page)
        return events


class Erase(msgspec.Struct, frozen=True, kw_only=True):
    """Erase the person of an account, who gives the `password` from a client `address`."""

    account: str
    password: str
    address: str


Scrub = Callable[[Person], Awaitable[None]]
"""Forgets what is kept of a person outside of the log. Raises `Outage`."""


@dataclass(frozen=True)
class EraseHandler:
    """Carries out `Erase`: decides it, and then does at once what the effect would do, too."""

    check: CredentialCheck
    people: People
    vault: Vault
    sessions: SessionStore
    current: CurrentStates
    now: Callable[[], datetime]

    async def __call__(self, command: Erase, run: Run) -> Done[None]:
        """Erase the person; when this returns nothing opens what was theirs.

        Raises:
            WrongCredentials, LockedOut: as at every sign-in.
            NoSuchAccount: the account is not open any more.
            Outage: it is decided, and will be carried out once everything answers again.
        """
        id_ = command.account
        checked = await self.check.confirm(id_, command.password, command.address, run)
        await self.check.passed(checked)

        async def decide(unit: Unit) -> Person:
            at, before = self.now(), await unit.load(ACCOUNT, id_)
            person = await self.people(id_)
            erase = EraseAccount(keys=person.keys, tenants=person.tenants, at=at)
            await unit.decide(ACCOUNT, id_, erase)
            await self._release(unit, id_, before, at)
            return person

        done = await run(decide, lanes=[(ACCOUNT, id_)])
        await self.sessions.end_all(id_, done.position.number)
        for owner in done.result.owners:
            await self.vault.destroy(owner)
        self.current.drop()
        return Done(result=None, position=done.position, version=done.version)

    async def _release(self, unit: Unit, id_: str, before: object, at: datetime) -> None:
        account = before.account if isinstance(before, ClosedAccount) else before
        if not isinstance(account, Account) or not isinstance(account.email, str):
            return
        form = canonical_email(account.email)
        if form is not None:
            address = self.people.email_hash(form)
            await unit.decide(EMAIL, address, ReleaseEmail(account=id_, at=at))


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


@dataclass(frozen=True)
class CarryOutErasure:
    """Destroys the keys and forgets the rest, again and again until both have worked."""

    vault: Vault
    scrub: Scrub

    source = ACCOUNT

    async def begin(self, unit: Unit, due: Due) -> Person | None:
        """Whose data it is, unless that is done."""
        account = await unit.load(ACCOUNT, due.event.stream_id)
        if not isinstance(account, ErasedAccount) or not account.pending:
            return None
        return Person(keys=account.keys, tenants=account.tenants)

    def patience(self, _payload: Person) -> float:
        """As long as everything together may take."""
        return PATIENCE

    async def carry_out(self, payload: Person, _due: Due) -> None:
        """Destroy and forget; all of it may be done twice."""
        for owner in payload.owners:
            await self.vault.destroy(owner)
        await self.scrub(payload)

    async def finish(
        self,
        unit: Unit,
        due: Due,
        _payload: Person,
        result: Broken | None,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Record that it is done, or when to try again."""
        if isinstance(result, Broken):
            return at + timedelta(seconds=backoff(RETRY, due.attempt, chance))
        await unit.decide(ACCOUNT, due.event.stream_id, ConfirmErasure(at=at))
        return None


class Forgets(Protocol):
    """A vault that keeps keys at hand."""

    def forget(self, owner: KeyOwner) -> None:
        """Drop one key from memory: it was destroyed."""
        ...


def forgetting(vault: Forgets, current: CurrentStates) -> Callable[[Sequence[StoredEvent]], None]:
    """What each process does with the log's news: drop the keys and states of whom was erased."""
    tags = {str(each.__struct_config__.tag) for each in (AccountErased, AccountKeysDestroyed)}

    def forget(events: Sequence[StoredEvent]) -> None:
        erased = [event for event in events if event.type in tags]
        for event in erased:
            for owner in key_owners(msgspec.json.decode(event.data)["keys"]):
                vault.forget(owner)
        if erased:
            current.drop()

    return forget
