"""Experiments over HTTP: defined, run, and told what happened; what is wrong is pointed at."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.experiments import (
    BODY,
    PATH,
    define,
    define_flag,
    exposed,
    start,
)
from tests.support.http_platform import Api, opened_api

NAME = "ada-lovelace"
"""Of a subject: too long to appear in a random identifier."""


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await define_flag(api)
        yield api


# --- definitions -------------------------------------------------------------------------------


async def test_what_is_left_out_is_the_flags(api: Api) -> None:
    view = await define(api)
    assert view == {
        "key": "buttons",
        "flag": "checkout",
        "environment": "default",
        "control": "red",
        "variants": ["red", "blue"],
        "weights": [500.0, 500.0],
        "metrics": [{"key": "bought", "kind": "binary"}],
        "confidence": 0.95,
        "state": "draft",
        "run": 0,
        "started_at": None,
        "stopped_at": None,
        "version": 1,
    }
    plain = await define(api, "/v1/experiments/plain", control="disabled", environment="live")
    assert (plain["variants"], plain["weights"]) == (["disabled", "enabled"], [1.0, 1.0])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"flag": "unknown"}, "/flag"),
        ({"control": "green"}, "/control"),
        ({"variants": ["red", "red"]}, "/variants"),
        ({"variants": ["red"]}, "/variants"),
        ({"weights": [1, 2, 3]}, "/weights"),
        ({"weights": [1, -2]}, "/weights/1"),
        ({"metrics": []}, "/metrics"),
        ({"metrics": [{"key": "a b"}]}, "/metrics/0/key"),
        ({"metrics": [{"key": "a", "kind": "median"}]}, "/metrics/0/kind"),
        ({"confidence": 1}, "/confidence"),
        ({"extra": 1}, "/extra"),
    ],
)
async def test_what_cannot_be_compared_is_refused(
    api: Api, change: dict[str, Any], pointer: str
) -> None:
    answer = await api.owner("PUT", PATH, {**BODY, **change})
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert (await api.owner("GET", PATH)).status_code == 404


async def test_an_experiment_of_an_archived_flag_is_refused(api: Api) -> None:
    await api.owner("POST", "/v1/flags/checkout/archive")
    assert (await api.owner("PUT", PATH, BODY)).status_code == 422


async def test_a_run_begins_and_ends(api: Api) -> None:
    await define(api)
    defined = (await api.owner("PUT", PATH, BODY)).headers["annals-position"]
    begun = (await api.owner("POST", f"{PATH}/start")).json()
    assert (begun["state"], begun["run"], begun["stopped_at"]) == ("running", 1, None)
    changed = await api.owner("PUT", PATH, {**BODY, "control": "blue"})
    assert changed.json()["type"].endswith("experiment-is-running")
    ended = (await api.owner("POST", f"{PATH}/stop")).json()
    assert (ended["state"], ended["run"]) == ("stopped", 1)
    assert (await api.owner("POST", f"{PATH}/start")).json()["run"] == 2
    stale = await api.owner("POST", f"{PATH}/stop", if_match='"v1"')
    assert stale.status_code == 412
    then = (await api.owner("GET", f"{PATH}?position={defined}")).json()
    assert (then["state"], then["version"]) == ("draft", 1)


@pytest.mark.parametrize("what", ["start", "stop"])
async def test_what_is_not_there_does_not_run(api: Api, what: str) -> None:
    assert (await api.owner("POST", f"/v1/experiments/none/{what}")).status_code == 404


# --- what callers tell ---------------------------------------------------------------------------


async def test_exposures_and_conversions_are_kept_without_names(api: Api) -> None:
    await define(api, metrics=[{"key": "bought"}, {"key": "spent", "kind": "mean"}])
    await start(api)
    at = api.platform.now().isoformat()
    body: Any = {"exposures": [{"subject": NAME, "variant": "red", "at": at}]}
    answer = await api.owner("POST", f"{PATH}/exposures", body)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})
    assert answer.headers["annals-position"]
    body = {
        "conversions": [
            {"subject": NAME, "metric": "bought"},
            {"subject": NAME, "metric": "spent", "value": 9.5},
        ]
    }
    answer = await api.owner("POST", f"{PATH}/conversions", body)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2})
    stored = await api.platform.store.read_log(after=0, limit=100)
    assert not any(NAME.encode() in each.data or NAME in each.stream for each in stored)


async def test_a_repeated_request_is_told_once(api: Api) -> None:
    await define(api)
    await start(api)
    body = {"conversions": [{"subject": "ada"}]}
    first, second = [
        await api.owner("POST", f"{PATH}/conversions", body, idempotency_key="k") for _ in range(2)
    ]
    assert second.headers["idempotent-replayed"] == "true"
    assert first.json() == second.json()
    stored = await api.platform.store.read_log(after=0, limit=100)
    assert [each.type for each in stored].count("experiment.converted") == 1


async def test_a_thousand_are_taken_in_events_that_fit(api: Api) -> None:
    metric = "m" * 100
    await define(api, metrics=[{"key": metric, "kind": "mean"}])
    await start(api)
    told = [{"subject": "s" * 400, "metric": metric, "value": 0.1234567890123} for _ in range(1000)]
    answer = await api.owner("POST", f"{PATH}/conversions", {"conversions": told})
    assert answer.json() == {"accepted": 1000}
    stored = await api.platform.store.read_log(after=0, limit=100)
    sizes = [len(each.data) for each in stored if each.type == "experiment.converted"]
    assert len(sizes) > 1
    assert max(sizes) < 128 * 1024
    answer = await api.owner("POST", f"{PATH}/conversions", {"conversions": [*told, told[0]]})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({"subject": "", "variant": "red"}, "/exposures/1/subject"),
        ({"subject": "a", "variant": "green"}, "/exposures/1/variant"),
        ({"subject": "a"}, "/exposures/1/variant"),
        ({"subject": "a", "variant": "red", "at": "2020-01-01T00:00:00Z"}, "/exposures/1/at"),
        ({"subject": "a", "variant": "red", "at": "2999-01-01T00:00:00Z"}, "/exposures/1/at"),
        ({"subject": "a", "variant": "red", "at": "2026-01-01T00:00:00"}, "/exposures/1/at"),
    ],
)
async def test_a_wrong_exposure_is_pointed_at_and_none_is_kept(
    api: Api, told: dict[str, Any], pointer: str
) -> None:
    await define(api)
    await start(api)
    body = {"exposures": [{"subject": "b", "variant": "red"}, told]}
    answer = await api.owner("POST", f"{PATH}/exposures", body)
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert await exposed(api.platform) == []


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({"subject": "a"}, "/conversions/1/metric"),
        ({"subject": "a", "metric": "clicked"}, "/conversions/1/metric"),
        ({"subject": "a", "metric": "spent"}, "/conversions/1/value"),
        ({"subject": "a", "metric": "bought", "value": 1}, "/conversions/1/value"),
        ({"subject": "a", "metric": "spent", "value": 1e300}, "/conversions/1/value"),
        ({"subject": "a", "metric": "bought", "at": "2999-01-01T00:00:00Z"}, "/conversions/1/at"),
    ],
)
async def test_a_wrong_conversion_is_pointed_at_and_none_is_kept(
    api: Api, told: dict[str, Any], pointer: str
) -> None:
    await define(api, metrics=[{"key": "bought"}, {"key": "spent", "kind": "mean"}])
    await start(api)
    body = {"conversions": [{"subject": "b", "metric": "bought"}, told]}
    answer = await api.owner("POST", f"{PATH}/conversions", body)
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    stored = await api.platform.store.read_log(after=0, limit=100)
    assert "experiment.converted" not in [each.type for each in stored]


async def test_only_what_runs_is_told_of_exposures(api: Api) -> None:
    told: Any = {"exposures": [{"subject": "b", "variant": "red"}]}
    done: Any = {"conversions": [{"subject": "b"}]}
    assert (await api.owner("POST", f"{PATH}/exposures", told)).status_code == 404
    await define(api)
    for path, body in ((f"{PATH}/exposures", told), (f"{PATH}/conversions", done)):
        answer = await api.owner("POST", path, body)
        assert answer.json()["type"].endswith("experiment-is-not-running")
    await start(api)
    await api.owner("POST", f"{PATH}/stop")
    assert (await api.owner("POST", f"{PATH}/exposures", told)).status_code == 409
    late = api.platform.clock - timedelta(milliseconds=1)
    done["conversions"][0]["at"] = late.isoformat()
    assert (await api.owner("POST", f"{PATH}/conversions", done)).status_code == 200


async def test_a_member_tells_and_does_not_define(api: Api) -> None:
    await define(api)
    await start(api)
    token = await api.sign_in()
    body = {"exposures": [{"subject": "b", "variant": "red"}]}
    assert (await api.ask("POST", f"{PATH}/exposures", body, token=token)).status_code == 200
    for method, path in (("PUT", PATH), ("POST", f"{PATH}/stop"), ("GET", f"{PATH}/results")):
        given = BODY if method == "PUT" else None
        assert (await api.ask(method, path, given, token=token)).status_code == 403
