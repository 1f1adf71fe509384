"""What stands in for servers, and for slow work, where a platform is in memory."""

import base64
import hmac
import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from adapters.memory.event_store import MemoryEventStore
from application.event_store import Outage
from application.experiments.running import RunningRows
from application.flags.flag_set import FlagRows
from application.lockout import Attempt, Failure, Locked
from application.passwords import Verified
from application.positions import Position
from application.rate_counter import LimitPolicy, Verdict
from application.session_store import LiveSession, SessionChange, Sighting, Unconfirmed
from domain.password_costs import PasswordCosts
from projections.projection import Projection
from projections.reading import Rows


class PlainHasher:
    down = False
    """Too many wait already."""

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password_hash: str | None, password: str) -> Verified:
        if self.down:
            raise Outage("Too many passwords are being checked")
        return Verified(password_hash == f"hash of {password}")

    def accepts(self, password_hash: str) -> bool:
        return password_hash.startswith("hash of ")

    @property
    def costs(self) -> PasswordCosts:
        return PasswordCosts(function="plain", passes=1)

    def costs_of(self, password_hash: str) -> PasswordCosts:
        assert self.accepts(password_hash)
        return self.costs

    async def expect(self, costs: Iterable[PasswordCosts]) -> None:
        assert set(costs) <= {self.costs}


class NoLockout:
    async def reserve(self, account: str, address: str) -> Attempt | Locked:
        return Attempt(near=f"{account} {address}", account=account, range=address)

    async def failed(self, attempt: Attempt) -> Failure:
        del attempt
        return Failure(
            onset="",
            first_in_minute=False,
            earlier_failures=0,
            earlier_minute=None,
            locked_for=0.0,
        )

    async def succeeded(self, attempt: Attempt) -> None:
        del attempt

    async def withdrawn(self, attempt: Attempt) -> None:
        del attempt

    async def trust(self, account: str, address: str) -> None:
        del account, address

    async def any_of(self, account: str) -> bool:
        del account
        return False

    async def forget(self, account: str) -> None:
        del account


@dataclass
class Sessions:
    by_hash: dict[str, LiveSession] = field(default_factory=dict)
    down: bool = False
    untold: bool = False
    """It goes away just before it is told of an end."""

    async def find(self, token_hash: str) -> LiveSession | None:
        if self.down:
            raise Outage("Redis at 10.0.0.1 does not answer")
        return self.by_hash.get(token_hash)

    async def find_by_id(self, session: str) -> LiveSession | None:
        if self.down:
            raise Outage("Redis at 10.0.0.1 does not answer")
        return next((each for each in self.by_hash.values() if each.id == session), None)

    async def put(self, session: LiveSession) -> None:
        self.by_hash[session.token_hash] = session

    async def of_account(self, account: str) -> Sequence[Sighting]:
        if self.down:
            raise Outage("Redis at 10.0.0.1 does not answer")
        mine = [each for each in self.by_hash.values() if each.account == account]
        return [
            Sighting(each, each.created_at)
            for each in sorted(mine, key=lambda each: -each.position)
        ]

    async def end(self, session: str) -> None:
        if self.untold:
            raise Unconfirmed
        self.by_hash = {hash_: s for hash_, s in self.by_hash.items() if s.id != session}

    async def end_all(self, account: str, position: int, kept: str = "") -> None:
        if self.untold:
            raise Unconfirmed
        ended = {
            hash_
            for hash_, session in self.by_hash.items()
            if session.account == account and session.position <= position and session.id != kept
        }
        self.by_hash = {hash_: s for hash_, s in self.by_hash.items() if hash_ not in ended}

    async def follow(self, changes: Sequence[SessionChange], position: int) -> None:
        raise AssertionError((changes, position))

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not for requests")


@dataclass
class Counter:
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    down: bool = False

    async def check(self, policy: LimitPolicy, subject: str, cost: int = 1) -> Verdict:
        if self.down:
            raise Outage("Redis does not answer")
        used = self.used.get((policy.name, subject), 0)
        allowed = used + cost <= policy.limit
        if allowed:
            self.used[policy.name, subject] = used = used + cost
        return Verdict(
            allowed=allowed,
            limit=policy.limit,
            remaining=policy.limit - used,
            reset_after=policy.window,
            retry_after=0.0 if allowed else policy.window,
        )

    async def peek(self, policy: LimitPolicy, subject: str) -> Verdict:
        raise AssertionError((policy, subject))

    async def reset(self, policy: LimitPolicy, subject: str) -> None:
        raise AssertionError((policy, subject))


class Keys:
    """Keyed hashes, and answers that only their key opens."""

    def digest(self, tenant: str, credential: str, key: str) -> bytes:
        return _mac(tenant, credential, key)

    def fingerprint(self, method: str, route: str, body: bytes) -> bytes:
        return _mac(method, route, body.decode("latin-1"))

    def seal(self, key: str, answer: bytes) -> bytes:
        return msgspec.msgpack.encode((key, base64.b64encode(answer)))

    def open(self, key: str, sealed: bytes) -> bytes:
        owner, answer = msgspec.msgpack.decode(sealed)
        assert owner == key
        return base64.b64decode(answer)


def _mac(*parts: str) -> bytes:
    return hmac.digest(b"test", json.dumps(parts).encode(), "sha256")


class NoReadModels:
    """Rows are for the tests that have a database."""

    def rows(
        self,
        projection: Projection,
        tenant: str,
        *,
        after: Position | None = None,
        patience: float = 5.0,
    ) -> AbstractAsyncContextManager[Rows]:
        raise Outage(f"no rows of {projection.name} for {tenant} after {after}: {patience}")

    async def consistent(
        self, projection: Projection, position: Position, *, patience: float = 5.0
    ) -> None:
        raise Outage(f"no rows of {projection.name} at {position}: {patience}")

    async def ready(self) -> Sequence[str]:
        return []


@dataclass
class NoRows:
    """Flags and experiments are all behind the read models, which have nothing."""

    store: MemoryEventStore

    async def running(self, tenant: str) -> RunningRows:
        del tenant
        incarnation = (await self.store.tail()).incarnation
        return RunningRows(position=0, incarnation=incarnation, running=())

    async def load(self, tenant: str) -> FlagRows:
        del tenant
        incarnation = (await self.store.tail()).incarnation
        return FlagRows(position=0, incarnation=incarnation, revision=0, flags={}, segments={})


@dataclass
class Redis:
    down: bool = False

    async def execute(self, *words: str) -> Any:
        if self.down:
            raise Outage("Redis does not answer")
        return words
