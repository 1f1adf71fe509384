"""What the logs' routes promise, over a reader in memory."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from application.event_store import Append, Outage, Outcome
from application.log_reader import LogEntry
from tests.support.http_platform import Api
from tests.support.keys import key_of
from tests.support.log_sources import opened_logs, register

START = datetime(2026, 1, 1, tzinfo=UTC)
CORRELATION = "0190f3a2-7b6e-7cc0-8d3a-1f2e3d4c5b6a"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_logs() as api:
        yield api


def entry(number: int, message: str = "", **change: Any) -> LogEntry:
    fields: dict[str, Any] = {"n": number, **change.pop("fields", {})}
    values: dict[str, Any] = {
        "at": START + timedelta(seconds=number),
        "level": "info",
        "message": message or f"line {number}",
        "fields": fields,
        "file": "app.log",
        "offset": number * 10,
        "length": 10,
        **change,
    }
    return LogEntry(**values)


async def lines(api: Api, query: str = "", source: str = "app") -> Any:
    answer = await api.owner("GET", f"/v1/logs/{source}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def messages(page: Any) -> list[str]:
    return [item["message"] for item in page["items"]]


async def test_a_member_reads_no_logs(api: Api) -> None:
    token = await api.sign_in()
    for path in ("", "/platform", "/platform/tail", "/platform/histogram", "/platform/files"):
        answer = await api.ask("GET", f"/v1/logs{path}", token=token)
        assert (answer.status_code, answer.json()["permission"]) == (403, "logs:read")
    answer = await api.ask("PUT", "/v1/logs/a", {"paths": ["/var/log/a"]}, token=token)
    assert (answer.status_code, answer.json()["permission"]) == (403, "logs:write")


async def test_lines_are_filtered_by_everything_at_once(api: Api) -> None:
    await register(api)
    api.platform.log_reader.write(
        "app",
        entry(1, "started", level="info", fields={"status": "200"}),
        entry(2, "slow query", level="warning", fields={"status": "200"}),
        entry(3, "query failed", level="error", fields={"status": "500"}),
        entry(4, "query died", level="critical", fields={"status": "500"}),
    )
    assert messages(await lines(api, "?order=asc")) == [
        "started",
        "slow query",
        "query failed",
        "query died",
    ]
    assert messages(await lines(api, "?q=query&limit=1")) == ["query died"]
    assert messages(await lines(api, "?level=error")) == ["query failed"]
    assert messages(await lines(api, "?level=error,info")) == ["query failed", "started"]
    assert messages(await lines(api, "?min_level=error")) == ["query died", "query failed"]
    assert messages(await lines(api, "?field.status=500&regex=f.iled")) == ["query failed"]
    assert messages(await lines(api, "?field.status=200&q=SLOW&ignore_case=true")) == ["slow query"]
    assert messages(
        await lines(api, "?since=2026-01-01T00:00:02Z&until=2026-01-01T01:00:03%2B01:00")
    ) == ["slow query"]


async def test_a_length_of_time_is_so_long_ago(api: Api) -> None:
    await register(api)
    now = api.platform.clock
    api.platform.log_reader.write(
        "app",
        entry(1, "old", at=now - timedelta(minutes=16)),
        entry(2, "new", at=now - timedelta(minutes=14)),
    )
    assert messages(await lines(api, "?since=15m")) == ["new"]
    assert messages(await lines(api, "?until=15m")) == ["old"]


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("?since=yesterday", ["/since"]),
        ("?since=2026-13-01T00:00:00Z", ["/since"]),
        ("?until=999999999d", ["/until"]),
        ("?since=1m&until=2m", ["/until"]),
        ("?level=loud", ["/level"]),
        ("?level=info&min_level=error", ["/min_level"]),
        ("?order=random", ["/order"]),
        ("?limit=0", ["/limit"]),
        ("?limit=1001", ["/limit"]),
        ("?q=", ["/q"]),
        ("?regex=(", ["/regex"]),
        ("?cursor=nonsense", ["/cursor"]),
        (f"?field.status={'x' * 1001}", ["/field.status"]),
        ("?field.=x", ["/field."]),
        ("?fields=x", ["/fields"]),
        ("?nonsense=1", ["/nonsense"]),
    ],
)
async def test_bad_questions_are_pointed_at_and_record_nothing(
    api: Api, query: str, pointers: list[str]
) -> None:
    await register(api)
    api.platform.log_reader.write("app", entry(1))
    answer = await api.owner("GET", f"/v1/logs/app{query}")
    assert answer.status_code == 422, answer.text
    assert [each["pointer"] for each in answer.json()["errors"]] == pointers
    assert (await api.owner("GET", "/v1/logs/app/readings")).json()["items"] == []


async def test_pages_lead_to_each_other_while_lines_come(api: Api) -> None:
    await register(api)
    api.platform.log_reader.write("app", *(entry(number) for number in range(5)))
    newest = await lines(api, "?limit=2")
    older = await lines(api, f"?limit=2&cursor={newest['next']}")
    api.platform.log_reader.write("app", entry(5))
    newer = await lines(api, f"?limit=2&cursor={newest['previous']}")
    back = await lines(api, f"?limit=2&cursor={older['previous']}")
    assert messages(newest) == messages(back) == ["line 4", "line 3"]
    assert messages(older) == ["line 2", "line 1"]
    assert messages(newer) == ["line 5"]


async def test_a_line_leads_to_the_events_of_its_request_and_an_event_to_the_lines(
    api: Api,
) -> None:
    await register(api)
    api.platform.log_reader.write(
        "app",
        entry(1, fields={"correlation_id": CORRELATION}),
        entry(2, fields={"correlationId": "not one"}),
    )
    without, with_one = (await lines(api))["items"]
    assert without["links"] == {}
    assert with_one["links"] == {
        "events": f"/v1/events?correlation={CORRELATION}",
        "lines": f"/v1/logs/app?field.correlation_id={CORRELATION}",
    }
    await api.owner("PUT", "/v1/flags/a", {"enabled": True}, correlation_id=CORRELATION)
    events = (await api.owner("GET", with_one["links"]["events"])).json()["items"]
    assert {each["links"]["logs"] for each in events} == {
        f"/v1/logs/platform?field.correlation_id={CORRELATION}"
    }
    assert messages(await lines(api, with_one["links"]["lines"].removeprefix("/v1/logs/app"))) == [
        "line 1"
    ]
    key = await key_of(api, "acme")
    await api.ask("PUT", "/v1/flags/a", {"enabled": True}, token=key)
    theirs = (await api.ask("GET", "/v1/flags/a/history", token=key)).json()["items"]
    assert [each["links"] for each in theirs] == [{}, {}]


@pytest.mark.parametrize(
    ("query", "last_id", "pointer"),
    [("?regex=(", "", "/regex"), ("?cursor=no", "", "/cursor"), ("", "no", "/cursor")],
)
async def test_a_tail_that_cannot_be_is_refused_before_it_opens(
    api: Api, query: str, last_id: str, pointer: str
) -> None:
    await register(api)
    api.platform.log_reader.write("app", entry(0, at=api.platform.clock + timedelta(days=1)))
    answer = await api.owner("GET", f"/v1/logs/app/tail{query}", last_event_id=last_id)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert (await api.owner("GET", "/v1/logs/app/readings")).json()["items"] == []


async def test_reading_is_an_event_per_reader_way_and_minute(api: Api) -> None:
    await register(api)
    for _ in range(3):
        await lines(api)
        await api.owner("GET", "/v1/logs/app/histogram")
    api.platform.clock += timedelta(minutes=1)
    await lines(api)
    readings = (await api.owner("GET", "/v1/logs/app/readings")).json()["items"]
    assert [(each["type"], each["data"]["way"]) for each in readings] == [
        ("log.read", "lines"),
        ("log.read", "histogram"),
        ("log.read", "lines"),
    ]
    assert all(each["data"]["reader"] == each["meta"]["actor"] for each in readings)
    assert [each["data"]["minute"] for each in readings] == [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:01:00Z",
    ]
    other_day = await api.owner("GET", "/v1/logs/app/readings?day=2025-12-31")
    assert other_day.json()["items"] == []


async def test_another_process_records_the_same_minute_once(api: Api) -> None:
    await register(api)
    await lines(api)
    api.platform.services.logs.seen._readings.clear()  # as if it were another process
    await lines(api)
    assert len((await api.owner("GET", "/v1/logs/app/readings")).json()["items"]) == 1


async def test_nothing_is_shown_while_the_reading_cannot_be_recorded(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_item: Append) -> Outcome:
        raise Outage("Postgres does not answer")

    await register(api)
    api.platform.log_reader.write("app", entry(1, "a secret of ours"))
    await lines(api)
    api.platform.clock += timedelta(minutes=1)
    monkeypatch.setattr(api.platform.store, "append", away)
    answer = await api.owner("GET", "/v1/logs/app")
    assert answer.status_code == 503
    assert "a secret of ours" not in answer.text


async def test_a_histogram_counts_by_level_over_time(api: Api) -> None:
    await register(api)
    api.platform.log_reader.write(
        "app", entry(0), entry(1, level="error"), entry(1), entry(30, level=None)
    )
    answer = (await api.owner("GET", "/v1/logs/app/histogram?buckets=17")).json()
    assert answer["step"] == "2s"
    assert [each["counts"] for each in answer["buckets"]] == [
        {"info": 2, "error": 1},
        {"none": 1},
    ]
    assert answer["buckets"][0]["at"] == "2026-01-01T00:00:00Z"
    assert (answer["undated"], answer["unfinished"]) == (0, False)


async def test_a_histogram_is_counted_once_for_those_who_ask_at_once(api: Api) -> None:
    await register(api)
    api.platform.log_reader.write("app", entry(0))
    before = (await api.owner("GET", "/v1/logs/app/histogram?since=1h")).json()
    api.platform.log_reader.write("app", entry(1))
    again = (await api.owner("GET", "/v1/logs/app/histogram?since=1h")).json()
    another = (await api.owner("GET", "/v1/logs/app/histogram?q=line")).json()
    assert before == again
    assert another != before


async def test_whose_name_is_an_unknown_one_is_told_so(api: Api) -> None:
    for name in ("nope", "%00", "..%2f..%2fetc", "x" * 101):
        answer = await api.owner("GET", f"/v1/logs/{name}")
        assert answer.status_code == 404, (name, answer.text)


async def test_the_document_tells_of_fields_by_prefix(api: Api) -> None:
    document = (await api.ask("GET", "/schema/openapi.json")).json()
    described = {
        each["name"]: each for each in document["paths"]["/v1/logs/{source}"]["get"]["parameters"]
    }
    fields = described["fields"]
    assert (fields["style"], fields["explode"], fields["schema"]["type"]) == (
        "form",
        True,
        "object",
    )
    assert fields["schema"]["propertyNames"]["pattern"].startswith("^field\\.")
    assert json.dumps(described["level"])
