"""Who is exposed to what runs is counted once, in whatever process, and nobody else is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.read_models import MemoryReadModel
from application.aggregates import Recorder
from application.event_store import Append, Outage, Outcome, StoredEvent
from application.experiments import exposures
from application.experiments.exposures import Exposures
from application.experiments.running import RunningExperiments
from projections import experiments as projection
from tests.support.experiments import (
    PATH,
    VARIANTS,
    define,
    define_flag,
    evaluate,
    exposed,
    start,
)
from tests.support.http_platform import Api, opened_api
from tests.support.keys import key_of
from tests.support.stand_ins import NoRows


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await define_flag(api)
        yield api


# --- exposures by evaluation ---------------------------------------------------------------------


async def test_evaluating_exposes_each_subject_once(api: Api) -> None:
    await define(api)
    await evaluate(api, "early")
    await start(api)
    served = {}
    for _ in range(3):
        for number in range(10):
            served[number] = await evaluate(api, f"user-{number}")
    [(tenant, event)] = await exposed(api.platform)
    assert (tenant, event.experiment, event.run) == ("default", "buttons", 1)
    hashed = api.platform.subject_hash
    assert {(each.subject, each.variant) for each in event.exposures} == {
        (hashed("default", "buttons", f"user-{number}"), served[number]) for number in range(10)
    }
    assert len(event.exposures) == 10


async def test_every_way_to_evaluate_now_exposes_and_no_other(api: Api) -> None:
    await define(api)
    await start(api)
    last = len(await api.platform.store.read_log(after=0, limit=100))

    async def ask(path: str, user: str, **more: Any) -> None:
        body = {"context": {"targetingKey": user}, **more}
        assert (await api.owner("POST", path, body)).status_code == 200

    await ask("/v1/flags/checkout/evaluate", "a")
    await ask("/v1/flags/evaluate", "b")
    await ask("/ofrep/v1/evaluate/flags/checkout", "c")
    await ask("/ofrep/v1/evaluate/flags", "d")
    await ask("/v1/flags/checkout/explain", "x")
    await ask(f"/v1/flags/checkout/evaluate?position={last}", "x")
    await ask("/v1/flags/evaluate", "x", environment="live")
    draft = {"contexts": [{"userId": "x"}]}
    assert (await api.owner("POST", "/v1/flags/checkout/try", draft)).status_code == 200
    await api.owner("POST", "/v1/flags/checkout/evaluate", {"context": {}})
    [(_, event)] = await exposed(api.platform)
    assert {each.subject for each in event.exposures} == {
        api.platform.subject_hash("default", "buttons", user) for user in "abcd"
    }


async def test_nobody_is_exposed_to_what_is_over(api: Api) -> None:
    await define(api)
    await start(api)
    await api.owner("POST", f"{PATH}/stop")
    await evaluate(api, "ada")
    assert await exposed(api.platform) == []


async def test_another_run_counts_the_same_subjects_anew(api: Api) -> None:
    await define(api)
    for _ in range(2):
        await start(api)
        await evaluate(api, "ada")
        await api.owner("POST", f"{PATH}/stop")
    assert [event.run for _, event in await exposed(api.platform)] == [1, 2]


async def test_a_variant_that_is_not_compared_exposes_nobody(api: Api) -> None:
    await define(api, variants=["red", "green"], weights=[1, 1])
    await start(api)
    served = [await evaluate(api, f"user-{number}") for number in range(20)]
    [(_, event)] = await exposed(api.platform)
    assert len(event.exposures) == served.count("red")


async def test_a_flag_of_yes_and_no_is_compared_too(api: Api) -> None:
    await define_flag(api, rules=[], variants=[], rollout=50)
    await define(api, control="disabled")
    await start(api)
    for number in range(20):
        body = {"context": {"userId": f"user-{number}"}}
        await api.owner("POST", "/v1/flags/checkout/evaluate", body)
    [(_, event)] = await exposed(api.platform)
    assert {each.variant for each in event.exposures} == {"disabled", "enabled"}
    assert len(event.exposures) == 20


async def test_tenants_do_not_expose_each_others_subjects(api: Api) -> None:
    await define(api)
    await start(api)
    theirs = await key_of(api, "acme")
    flag = {"enabled": True, "rules": [{}], "variants": VARIANTS}
    await api.ask("PUT", "/v1/flags/checkout", flag, token=theirs)
    body = {"context": {"userId": "ada"}}
    await api.ask("POST", "/v1/flags/checkout/evaluate", body, token=theirs)
    assert await exposed(api.platform) == []
    assert (await api.ask("GET", PATH, token=theirs)).status_code == 404
    hashed = api.platform.subject_hash
    names = [
        ("acme", "e", "ada"),
        ("default", "e", "ada"),
        ("acme", "f", "ada"),
        ("acme", "e", "b"),
    ]
    assert len({hashed(*each) for each in names}) == 4
    assert hashed("acme", "e", "\ud800")


async def test_a_hostile_subject_exposes_nobody(api: Api) -> None:
    await define(api)
    await start(api)
    for context in ({"userId": "x" * 70_000}, {"userId": ""}, {"userId": {}}, {"userId": None}):
        await api.owner("POST", "/v1/flags/checkout/evaluate", {"context": context})
    assert await exposed(api.platform) == []


async def test_what_waits_and_what_is_known_is_bounded(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposures, "MOST", 5)
    monkeypatch.setattr(exposures, "REMEMBERED", 3)
    await define(api)
    await start(api)
    for number in range(20):
        await evaluate(api, f"user-{number}")
    [(_, event)] = await exposed(api.platform)
    assert len(event.exposures) == 5
    for number in range(20):
        await evaluate(api, f"user-{number}")
    assert len(api.platform.exposures._known | api.platform.exposures._known_before) <= 6


async def test_two_processes_expose_a_subject_once(api: Api) -> None:
    platform = api.platform
    await define(api)
    await start(api)
    other = Exposures(platform.subject_hash, now=platform.now, new_id=uuid4)
    flags = await platform.flag_sets.of("default")
    context = platform.services.flag_context({"userId": "ada"}, "default")
    found = flags.evaluate("checkout", "default", context)
    await platform.experiments.ready("default")
    watched = platform.experiments.watched("default", "default")
    other.see("default", watched["checkout"], context, found)
    second = Recorder([other], platform.pipeline, now=platform.now, new_id=uuid4, interval=1.0)
    await evaluate(api, "ada")
    await asyncio.gather(platform.recorder.record(), second.record())
    model = MemoryReadModel(projection.PROJECTION)
    model.apply(await platform.codec.decode(await platform.store.read_log(after=0, limit=1000)))
    [(key, row)] = model.rows(projection.EXPOSURES).items()
    assert key[:3] == ("default", "buttons", 1)
    times = [each.at for _, event in await exposed(platform) for each in event.exposures]
    assert row["at"] == min(times)
    assert len(times) == 2


class Flaky(MemoryEventStore):
    """A log whose answers are lost, or that cannot be read."""

    lost = False
    away = False

    async def append(self, item: Append) -> Outcome:
        outcome = await super().append(item)
        if self.lost:
            raise Outage("away", outcome="unknown")
        return outcome

    async def read_log(self, *, after: int, limit: int) -> list[StoredEvent]:
        if self.away:
            raise Outage("away")
        return await super().read_log(after=after, limit=limit)


async def test_a_lost_answer_tells_nothing_twice() -> None:
    store = Flaky()
    async with opened_api(store=store) as api:
        await define_flag(api)
        await define(api)
        await start(api)
        await evaluate(api, "ada")
        store.lost = True
        with pytest.raises(Outage):
            await api.platform.recorder.record()
        store.lost = False
        assert len(await exposed(api.platform)) == 1


# --- what runs -----------------------------------------------------------------------------------


async def test_another_process_learns_of_a_run_from_the_log(api: Api) -> None:
    platform = api.platform
    await define(api)
    await start(api)
    platform.tail.listening = True
    work = asyncio.create_task(platform.tail.run())
    await platform.tail.started()
    other = RunningExperiments(
        NoRows(platform.store), platform.store, platform.codec, platform.tail
    )
    assert other.watched("default", "default") == {}
    await other.ready("default")
    [running] = other.watched("default", "default")["checkout"]
    assert (running.experiment, running.run) == ("buttons", 1)

    async def follow() -> None:
        platform.tail.wake()
        await platform.tail.wait_for((await platform.store.tail()).position)

    await api.owner("POST", f"{PATH}/stop")
    await follow()
    assert other.watched("default", "default") == {}
    await start(api)
    await follow()
    [running] = other.watched("default", "default")["checkout"]
    assert running.run == 2
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_flags_are_evaluated_while_nobody_knows_what_runs() -> None:
    store = Flaky()
    async with opened_api(store=store) as api:
        await define_flag(api)
        await define(api)
        await start(api)
        platform = api.platform
        await platform.flag_sets.of("default")
        other = RunningExperiments(NoRows(store), store, platform.codec, platform.tail)
        store.away = True
        await other.ready("default")
        assert other.watched("default", "default") == {}
        store.away = False
        await other.ready("default")  # not at once again
        assert other.watched("default", "default") == {}
        other._not_before = 0.0
        await other.ready("default")
        assert "checkout" in other.watched("default", "default")


async def test_two_experiments_of_one_flag_are_told_each(api: Api) -> None:
    for key in ("buttons", "texts"):
        await define(api, f"/v1/experiments/{key}")
        await start(api, f"/v1/experiments/{key}")
    await evaluate(api, "ada")
    told = [(event.experiment, event.exposures[0]) for _, event in await exposed(api.platform)]
    assert [key for key, _ in told] == ["buttons", "texts"]
    assert len({exposure.subject for _, exposure in told}) == 2
