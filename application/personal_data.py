"""Personal data: how a person is erased, everywhere and for good.

The decision is one append: the account is erased, its sessions are ended, its address is free.
What it asks for is an effect that is tried until it is done, so that a process that dies in the
middle leaves nothing half done: the keys under which everything about the person is sealed are
destroyed, in the log as in every copy that is restored later, and what was sampled outside of the
log is forgotten. Memberships end by commands, and reminders when they would next have fired. That
the keys are no more is an event of its own: with it every process drops what it still has in mind.

The person is told by a last letter, if the address is known to be theirs. It has a key of its own,
which goes, by the same effect, once the letter is sent or given up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from application.bus import Run
from application.codec import EventCodec
from application.credentials import CredentialCheck
from application.current import CurrentStates
from application.event_store import EventStore, StoredEvent
from application.mail import Letters, key_of_address
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
    EmailChanged,
    EmailReleased,
    EmailReserved,
    EraseAccount,
    ErasureReason,
    ReleaseEmail,
    known_account,
)
from domain.decider import Decider
from domain.emails import canonical_email
from domain.recorded import DEFAULT_TENANT, SYSTEM_TENANT, Recorded
from domain.tenants import ACCOUNT_TENANTS, TenantJoined

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
    """Erase the person of an account, for a reason."""

    account: str
    reason: ErasureReason


@dataclass(frozen=True)
class EraseHandler:
    """Carries out `Erase`: decides it, and then does at once what the effect would do, too."""

    people: People
    vault: Vault
    sessions: SessionStore
    current: CurrentStates
    letters: Letters
    now: Callable[[], datetime]

    async def __call__(self, command: Erase, run: Run) -> Done[None]:
        """Erase the person; when this returns nothing opens what was theirs.

        Whether the account is open, closed or erased already makes no difference.

        Raises:
            NoSuchAccount: there is no such account.
            Outage: it is decided, and will be carried out once everything answers again.
        """
        id_ = command.account

        async def decide(unit: Unit) -> Person:
            at, known = self.now(), known_account(await unit.load(ACCOUNT, id_))
            person = await self.people(id_)
            letter = self._tell(unit, known)
            erase = EraseAccount(
                keys=person.keys,
                tenants=person.tenants,
                reason=command.reason,
                letter=letter,
                at=at,
            )
            await unit.decide(ACCOUNT, id_, erase)
            await self._release(unit, id_, known, at)
            return person

        done = await run(decide, lanes=[(ACCOUNT, id_)])
        await self.sessions.end_all(id_, done.position.number)
        for owner in done.result.owners:
            await self.vault.destroy(owner)
        self.current.drop()
        return Done(result=None, position=done.position, version=done.version)

    def _tell(self, unit: Unit, known: Account | None) -> str:
        """Post a last letter, unless the address may be a stranger's; its id."""
        if known is None or not known.verified or not isinstance(known.email, str):
            return ""
        return self.letters.farewell(unit, known.email)

    async def _release(self, unit: Unit, id_: str, known: Account | None, at: datetime) -> None:
        if known is None or not isinstance(known.email, str):
            return
        form = canonical_email(known.email)
        if form is not None:
            address = self.people.email_hash(form)
            await unit.decide(EMAIL, address, ReleaseEmail(account=id_, at=at))


class EraseOwn(msgspec.Struct, frozen=True, kw_only=True):
    """Erase oneself, who gives the `password` from a client `address`."""

    account: str
    password: str
    address: str


@dataclass(frozen=True)
class EraseOwnHandler:
    """Carries out `EraseOwn`."""

    check: CredentialCheck
    erase: EraseHandler

    async def __call__(self, command: EraseOwn, run: Run) -> Done[None]:
        """Erase the person once the password was right.

        Raises:
            WrongCredentials, LockedOut: as at every sign-in.
            NoSuchAccount: the account is not open any more.
            Outage: as by `EraseHandler`.
        """
        account = command.account
        checked = await self.check.confirm(account, command.password, command.address, run)
        await self.check.passed(checked)
        return await self.erase(Erase(account=account, reason="own"), run)


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
