"""What Unleash's clients tell of evaluations that they made."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.flags.usage import Count
from tests.support.flag_usage import VARIANTS, define, evaluate, recorded
from tests.support.http_platform import OWNER, Api

AT = datetime(2026, 1, 1, tzinfo=UTC)


def report(**toggles: Any) -> dict[str, Any]:
    bucket = {"start": "2026-01-01T00:00:00Z", "stop": "2026-01-01T00:01:00Z", "toggles": toggles}
    return {"appName": "shop", "instanceId": "i-1", "bucket": bucket, "specVersion": "5.1.9"}


async def test_a_report_is_added(api: Api) -> None:
    await define(api, "one", rules=[{}], variants=VARIANTS)
    await evaluate(api)
    told = {"yes": 7, "no": 2, "variants": {"blue": 3, "disabled": 2, "mine": 9, "red": 0}}
    body = report(one=told, unknown={"yes": 5, "no": 5})
    assert (await api.owner("POST", "/api/client/metrics", body)).status_code == 202
    await api.platform.recorder.record()
    [(_, event)] = await recorded(api.platform)
    assert event.counts == (Count(flag="one", yes=8, no=2, variants={"blue": 4, "disabled": 2}),)


async def test_a_token_names_the_environment_of_a_report(api: Api) -> None:
    await define(api, "one")
    await define(api, "one", environment="live")
    for environment in ("live", "nowhere"):
        token = f"*:{environment}.{OWNER}"
        answer = await api.ask(
            "POST", "/api/client/metrics", report(one={"yes": 1, "no": 0}), authorization=token
        )
        assert answer.status_code == 202, answer.text
    await api.platform.recorder.record()
    [(_, event)] = await recorded(api.platform)
    assert event.environment == "live"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"appName": "a"},
        {"appName": "a", "bucket": {}},
        {"appName": "a", "bucket": {"toggles": []}},
        {"appName": 1, "bucket": {"toggles": {}}},
        report(one={"yes": -1}),
        report(one={"yes": 10**12}),
        report(one={"yes": 1.5}),
        report(one={"yes": "1"}),
        report(one={"yes": 1, "variants": {"a": -1}}),
        report(one={"yes": 1, "variants": [1]}),
        report(one=None),
    ],
)
async def test_a_bad_report_is_refused_and_nothing_of_it_counted(api: Api, body: Any) -> None:
    await define(api, "one")
    answer = await api.owner("POST", "/api/client/metrics", body)
    assert answer.status_code == 400, answer.text
    assert api.platform.usage.take(AT) == []


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 5000, b'{"appName":"\\ud800"'])
async def test_what_is_no_json_is_refused(api: Api, raw: bytes) -> None:
    headers = {"authorization": f"Bearer {OWNER}", "content-type": "application/json"}
    answer = await api.http.post("/api/client/metrics", content=raw, headers=headers)
    assert answer.status_code == 400, answer.text


async def test_names_that_are_not_there_take_no_room(api: Api) -> None:
    await define(api, "one")
    toggles = {f"unknown-{n}": {"yes": 1, "no": 0} for n in range(2000)}
    toggles["one"] = {"yes": 1, "no": 0, "variants": {f"mine-{n}": 1 for n in range(2000)}}
    assert (await api.owner("POST", "/api/client/metrics", report(**toggles))).status_code == 202
    [batch] = api.platform.usage.take(AT)
    assert batch.command.counts == (Count(flag="one", yes=1, no=0),)
