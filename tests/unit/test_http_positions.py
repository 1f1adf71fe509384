"""Places in the log that requests name: reached, waited for, or refused."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from adapters.http import moments
from application.context import Context
from application.event_store import StoredEvent
from application.flags.changes import EditFlag
from application.positions import Position
from domain.flags.edits import Disable
from tests.support.http_platform import Api, MemoryPlatform

ACTION = {"flag": "beta", "executor": {"kind": "log"}}


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/events?after={}", "/after"),
        ("/v1/events/live?after={}", "/after"),
        ("/v1/flags/a?position={}", "/position"),
    ],
)
async def test_a_place_beyond_the_end_is_refused(api: Api, path: str, pointer: str) -> None:
    await api.owner("PUT", "/v1/flags/a", {"enabled": True})
    tail = await api.platform.store.tail()
    beyond = Position(tail.incarnation, tail.position + 1)

    for text in (str(beyond.number), beyond.token):
        answer = await api.owner("GET", path.format(text))
        assert answer.status_code == 422
        [fault] = answer.json()["errors"]
        assert (fault["pointer"], fault["code"]) == (pointer, "beyond-the-end")
        assert fault["detail"].endswith(f"is {tail.position}")


async def test_a_stream_cannot_be_resumed_beyond_the_end(api: Api) -> None:
    answer = await api.owner("GET", "/v1/events/live", last_event_id="999")
    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["errors"]] == ["beyond-the-end"]


async def test_the_end_is_the_logs_and_not_the_tails(api: Api) -> None:
    done = await api.owner("PUT", "/v1/flags/a", {"enabled": True})
    token = done.headers["annals-position"]
    assert api.platform.tail.position == 0

    for path in (f"/v1/events?after={token}", f"/v1/flags/a?position={token}"):
        assert (await api.owner("GET", path)).status_code == 200


async def disabled_elsewhere(api: Api) -> str:
    """Another process switches a flag off that this one has kept as on; the token behind that."""
    await api.owner("PUT", "/v1/flags/beta", {"enabled": True})
    await api.owner("PUT", "/v1/actions/greet", ACTION)
    assert (await api.owner("POST", "/v1/actions/greet/runs", {})).status_code == 202
    other = MemoryPlatform(store=api.platform.store)
    off = EditFlag(flag="beta", edits=(Disable(environment="default"),), at=other.now())
    done = await other.bus.execute(off, Context(correlation_id=uuid4(), deadline=1e12))
    return done.position.token


async def test_a_command_waits_for_what_it_names(api: Api) -> None:
    tail, current = api.platform.tail, api.platform.current

    def moved(events: Sequence[StoredEvent]) -> None:
        for event in events:
            current.moved((event.tenant, event.stream), event.version)

    tail.on_events(moved)
    tail.listening = True
    following = asyncio.gather(tail.run(), api.platform.flag_sets.run())
    await tail.started()
    token = await disabled_elsewhere(api)

    run = await api.owner("POST", "/v1/actions/greet/runs", {}, annals_consistent_after=token)

    following.cancel()
    assert (run.status_code, run.json()["flag"]) == (403, "beta")


async def test_a_command_does_not_wait_for_ever(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "PATIENCE", 0.0)
    token = await disabled_elsewhere(api)

    late = await api.owner("POST", "/v1/actions/greet/runs", {}, annals_consistent_after=token)
    never = await api.owner("POST", "/v1/actions/greet/runs", {}, annals_consistent_after="999")
    stranger = await api.ask("POST", "/v1/actions/greet/runs", {}, annals_consistent_after=token)

    assert (late.status_code, late.json()["outcome"]) == (503, "failed")
    assert late.headers["retry-after"] == "1"
    assert [each["code"] for each in never.json()["errors"]] == ["beyond-the-end"]
    assert stranger.status_code == 401
