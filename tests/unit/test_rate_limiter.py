"""The limiter's promises where it decides by itself: it fails open, and never silently."""

from typing import Any
from uuid import uuid4

import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.rate_counter import MemoryRateCounter
from adapters.memory.vault import MemoryVault
from application.access import Principal
from application.codec import EventCodec
from application.current import CurrentStates
from application.event_store import Outage, StoredEvent
from application.limits import Caller, LimitUsedUp, RateLimiter
from application.pipeline import Pipeline
from application.unit import Unit
from domain.limits import LIMIT, DefineLimit, NoSuchLimit, Scope
from tests.support.contexts import at

CALLER = Caller(principal=Principal(actor="account/ada", role="member"), address="203.0.113.7")


class Away:
    """A counter that does not answer."""

    async def check(self, *_: Any) -> Any:
        raise Outage("Redis does not answer")


class Silent(MemoryEventStore):
    """A log that does not answer."""

    async def read_stream(self, *_: Any, **__: Any) -> list[StoredEvent]:
        raise Outage("the log does not answer")


class Limits:
    def __init__(self, store: MemoryEventStore, counter: Any) -> None:
        self.pipeline = Pipeline(store, EventCodec([LIMIT], MemoryVault()), uuid4)
        self.opened: list[str] = []
        self.limiter = RateLimiter(CurrentStates(self.pipeline), counter, self.opened.append)

    async def define(self, scope: Scope = "account", limit: int = 2) -> None:
        command = DefineLimit(
            name="api",
            algorithm="fixed_window",
            limit=limit,
            window=3600.0,
            scope=scope,
            at=None,  # type: ignore[arg-type]
        )

        async def decide(unit: Unit) -> None:
            await unit.decide(LIMIT, "api", command)

        await self.pipeline.run(decide, at())


async def test_a_limit_that_is_used_up_refuses_and_names_itself() -> None:
    limits = Limits(MemoryEventStore(), MemoryRateCounter())
    await limits.define(limit=1)
    await limits.limiter.check("api", CALLER)
    with pytest.raises(LimitUsedUp) as refused:
        await limits.limiter.check("api", CALLER)
    assert refused.value.facts == {"limit": "api"}
    assert refused.value.retry_after > 0


async def test_without_its_counter_it_lets_everybody_through_and_tells() -> None:
    limits = Limits(MemoryEventStore(), Away())
    await limits.define()
    assert await limits.limiter.check("api", CALLER) is None
    assert limits.opened == ["api"]


async def test_without_the_log_it_lets_everybody_through_and_tells() -> None:
    limits = Limits(Silent(), MemoryRateCounter())
    assert await limits.limiter.check("api", CALLER) is None
    assert limits.opened == ["api"]


async def test_a_limit_that_nobody_has_defined_is_no_open_door() -> None:
    limits = Limits(MemoryEventStore(), MemoryRateCounter())
    with pytest.raises(NoSuchLimit):
        await limits.limiter.check("api", CALLER)


@pytest.mark.parametrize("scope", ["address", "session", "account"])
async def test_each_value_of_the_scope_is_counted_by_itself(scope: Scope) -> None:
    limits = Limits(MemoryEventStore(), MemoryRateCounter())
    await limits.define(scope, limit=1)
    other = Caller(
        principal=Principal(actor="account/bob", role="member", session="s"), address="::1"
    )
    assert await limits.limiter.check("api", CALLER) is not None
    assert await limits.limiter.check("api", other) is not None
