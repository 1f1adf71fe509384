"""Usage of flags: each evaluation is counted, recorded once, and nobody fills the memory."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.read_models import MemoryReadModel
from application.aggregates import Recorder
from application.event_store import Append, Outage, Outcome
from application.flags import usage
from application.flags.usage import UsageCounts, parts
from domain.flags.usage import USAGE, Count, CountUsage, FlagUsageCounted, UsageBatch
from projections import flag_usage
from tests.support.flag_usage import VARIANTS, define, evaluate, recorded
from tests.support.http_platform import Api, MemoryPlatform, opened_api
from tests.support.keys import key_of

AT = datetime(2026, 1, 1, tzinfo=UTC)


async def rows(platform: MemoryPlatform) -> MemoryReadModel:
    model = MemoryReadModel(flag_usage.PROJECTION)
    model.apply(await platform.codec.decode(await platform.store.read_log(after=0, limit=10_000)))
    return model


async def test_many_evaluations_are_one_event_for_each_environment(api: Api) -> None:
    await define(api, "one", rules=[{}], variants=VARIANTS)
    await define(api, "two", enabled=False)
    await define(api, "two", enabled=True, environment="live")
    for _ in range(3):
        await evaluate(api)
    await evaluate(api, "two", environment="live")
    await api.platform.recorder.record()
    counted = [event for _, event in await recorded(api.platform)]
    assert {event.environment: event.counts for event in counted} == {
        "default": (
            Count(flag="one", yes=3, no=0, variants={"blue": 3}),
            Count(flag="two", yes=0, no=3),
        ),
        "live": (Count(flag="two", yes=1, no=0),),
    }
    assert len(counted) == 2
    assert await api.platform.recorder.record() == 0
    assert len(await recorded(api.platform)) == 2


async def test_flags_that_answer_the_same_are_counted_apart(api: Api) -> None:
    for key in ("one", "two", "three"):
        await define(api, key, enabled=False)
    await evaluate(api, "one")
    await evaluate(api, "two", "three")
    await evaluate(api, "two")
    [batch] = api.platform.usage.take(AT)
    assert {count.flag: count.no for count in batch.command.counts} == {
        "one": 1,
        "two": 2,
        "three": 1,
    }


async def test_every_way_to_evaluate_now_is_counted_and_no_other(api: Api) -> None:
    await define(api, "one")
    at = api.platform.now().isoformat()
    await api.owner("POST", "/v1/flags/one/evaluate", {"context": {}})
    await api.owner("POST", "/v1/flags/evaluate", {"keys": ["one"]})
    await api.owner("POST", "/ofrep/v1/evaluate/flags/one", {"context": {}})
    await api.owner("POST", "/ofrep/v1/evaluate/flags", {"context": {}})
    assert await api.platform.services.flags("one", "ada", tenant="default")
    await api.owner("POST", "/v1/flags/one/explain", {"context": {}})
    await api.owner("POST", "/v1/flags/one/try", {"contexts": [{}], "enabled": False})
    await api.owner("POST", f"/v1/flags/one/evaluate?position={2}", {"context": {}})
    await api.owner("POST", "/v1/flags/evaluate", {"keys": ["one"], "at": at})
    await api.platform.recorder.record()
    [(_, event)] = await recorded(api.platform)
    assert event.counts == (Count(flag="one", yes=5, no=0),)


async def test_what_is_not_there_is_not_counted(api: Api) -> None:
    await define(api, "one")
    for number in range(50):
        await evaluate(api, f"unknown-{number}")
        await evaluate(api, "one", environment=f"nowhere-{number}")
        body = {"context": {"environment": "x" * 10_000 + str(number)}}
        await api.owner("POST", "/ofrep/v1/evaluate/flags", body)
    assert api.platform.usage.take(AT) == []


async def test_a_flag_is_counted_where_only_others_are_set_up(api: Api) -> None:
    await define(api, "one")
    await define(api, "two", environment="live")
    for _ in range(3):
        await evaluate(api, environment="live")
    assert api.platform.usage.of("default", "live").size <= 3
    [batch] = api.platform.usage.take(AT)
    counts = {count.flag: (count.yes, count.no) for count in batch.command.counts}
    assert counts["two"] == (3, 0)
    assert counts["one"][1] >= 2  # the first came before anything was known of the environment


async def test_answers_that_are_made_anew_each_time_take_no_room(api: Api) -> None:
    rule = {"condition": {"kind": "constraint", "field": "name", "operator": "IN", "values": ["x"]}}
    await define(api, "one", rules=[rule])
    tally = api.platform.usage.of("default", "default")
    for _ in range(20):
        context = {"name": "x" * 70_000}
        answer = await api.owner("POST", "/v1/flags/one/evaluate", {"context": context})
        assert answer.json()["error"] == "INVALID_CONTEXT"
        tally = api.platform.usage.of("default", "default")
        assert tally.size == 1
    assert tally.counts() == [Count(flag="one", yes=0, no=20)]


async def test_tenants_are_counted_apart(api: Api) -> None:
    await define(api, "one")
    await evaluate(api)
    theirs = await key_of(api, "acme")
    await api.ask("PUT", "/v1/flags/one", {"enabled": True}, token=theirs)
    for _ in range(2):
        await api.ask("POST", "/v1/flags/evaluate", {}, token=theirs)
    await api.platform.recorder.record()
    assert [(tenant, event.counts[0].yes) for tenant, event in await recorded(api.platform)] == [
        ("default", 1),
        ("acme", 2),
    ]


async def test_two_processes_add_up(api: Api) -> None:
    platform = api.platform
    await define(api, "one", rules=[{}], variants=VARIANTS)
    other = UsageCounts(uuid4)
    flags = await platform.flag_sets.of("default")
    found = flags.evaluate("one", "default", platform.services.flag_context({}, "default"))
    for _ in range(4):
        other.of("default", "default").count(flags, "one", found)
    await evaluate(api)
    second = Recorder([other], platform.pipeline, now=platform.now, new_id=uuid4, interval=1.0)
    await asyncio.gather(platform.recorder.record(), second.record())
    model = await rows(platform)
    [total] = model.rows(flag_usage.TOTALS).values()
    assert (total["yes"], total["no"]) == (5, 0)
    [served] = model.rows(flag_usage.VARIANTS).items()
    assert served == (("default", "one", "default", AT, "blue"), {"number": 5})


class Flaky(MemoryEventStore):
    """A log that does not answer, before or after it has stored something."""

    trouble = ""

    async def append(self, item: Append) -> Outcome:
        if self.trouble == "before":
            raise Outage("away")
        outcome = await super().append(item)
        if self.trouble == "after":
            raise Outage("away", outcome="unknown")
        return outcome


@pytest.mark.parametrize("trouble", ["before", "after"])
async def test_an_outage_neither_loses_nor_doubles_counts(trouble: str) -> None:
    store = Flaky()
    async with opened_api(store=store) as api:
        await define(api, "one")
        await evaluate(api)
        store.trouble = trouble
        for _ in range(3):
            with pytest.raises(Outage):
                await api.platform.recorder.record()
        await evaluate(api)
        store.trouble = ""
        await api.platform.recorder.record()
        await api.platform.recorder.record()
        assert [event.counts[0].yes for _, event in await recorded(api.platform)] == [1, 1]


async def test_what_is_left_is_recorded_when_the_process_ends(api: Api) -> None:
    await define(api, "one")
    await evaluate(api)
    await api.platform.recorder.aclose()
    assert len(await recorded(api.platform)) == 1
    await evaluate(api)
    assert await api.platform.recorder.record() == 0


async def test_a_process_ends_although_the_log_is_away() -> None:
    store = Flaky()
    async with opened_api(store=store) as api:
        await define(api, "one")
        await evaluate(api)
        store.trouble = "before"
        await api.platform.recorder.aclose()


class Telling(MemoryEventStore):
    """A log that tells when usage was recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    async def append(self, item: Append) -> Outcome:
        outcome = await super().append(item)
        if item.writes and item.writes[0].stream.startswith("flag-usage/"):
            self.told.set()
        return outcome


async def test_it_is_recorded_by_itself() -> None:
    store = Telling()
    async with opened_api(store=store) as api:
        platform = api.platform
        await define(api, "one")
        recorder = Recorder(
            [platform.usage], platform.pipeline, now=platform.now, new_id=uuid4, interval=0.001
        )
        work = asyncio.create_task(recorder.run())
        await evaluate(api)
        async with asyncio.timeout(30):
            await store.told.wait()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_too_much_for_one_event_is_several(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "LARGEST", 100)
    keys = [f"flag-{number}" for number in range(10)]
    for key in keys:
        await define(api, key)
    await evaluate(api)
    await api.platform.recorder.record()
    events = [event for _, event in await recorded(api.platform)]
    assert len(events) > 3
    assert sorted(count.flag for event in events for count in event.counts) == sorted(keys)


def test_parts_are_bounded_and_lose_nothing() -> None:
    values = ["x" * size for size in (1, 50, 200, 3, 4, 5, 90, 1)]
    made = parts(values, 100)
    assert [each for part in made for each in part] == values
    assert all(len(part) == 1 or sum(len(each) + 3 for each in part) <= 100 for part in made)
    assert parts([], 100) == []


def test_a_batch_is_recorded_once() -> None:
    command = CountUsage(environment="e", counts=(Count(flag="a", yes=1, no=0),), at=AT)
    events = USAGE.decide(UsageBatch(), command)
    assert events == [FlagUsageCounted(environment="e", until=AT, counts=command.counts)]
    assert USAGE.decide(USAGE.fold(events), command) == []
