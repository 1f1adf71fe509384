"""Sources of logs over HTTP: registered, changed, removed, and who may name which files."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http_platform import Api
from tests.support.keys import key_of
from tests.support.log_sources import opened_logs, register


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_logs() as api:
        yield api


async def test_a_source_is_registered_changed_seen_as_it_was_and_removed(api: Api) -> None:
    first = await register(api, description="the app's")
    again = await register(api, description="the app's")
    other = await register(api, time_zone="Europe/Berlin", slack="5m", format="json")
    then = await api.owner(
        "GET", f"/v1/logs/app/definition?position={first.headers['annals-position']}"
    )
    gone = await api.owner("DELETE", "/v1/logs/app")

    assert (first.status_code, first.headers["location"]) == (201, "/v1/logs/app")
    assert again.status_code == other.status_code == 200
    assert again.headers["etag"] == first.headers["etag"] != other.headers["etag"]
    assert (
        then.json()
        == first.json()
        == {
            "name": "app",
            "paths": ["/var/log/app.log"],
            "format": None,
            "time_zone": "UTC",
            "slack": "60s",
            "description": "the app's",
            "built_in": False,
            "version": 1,
        }
        | {"slack": "1m"}
    )
    assert gone.status_code == 204
    assert gone.headers["annals-position"]
    for path in ("", "/definition", "/files", "/histogram", "/tail", "/readings"):
        answer = await api.owner("GET", f"/v1/logs/app{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-such-log-source")
    assert (await api.owner("DELETE", "/v1/logs/app")).status_code == 404
    history = (await api.owner("GET", "/v1/logs/app/history")).json()["items"]
    assert [each["type"] for each in history] == [
        "log_source.registered",
        "log_source.changed",
        "log_source.removed",
    ]
    assert (await register(api)).status_code == 201


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"paths": ["/etc/passwd"]}, ["/paths/0"]),
        ({"paths": ["/var/log/a.log", "/var/log/../../etc/passwd"]}, ["/paths/1"]),
        ({"paths": ["/var/log"]}, ["/paths/0"]),
        ({"paths": ["var/log/a.log"]}, ["/paths/0"]),
        ({"paths": ["/var/logs/a.log", "//etc/passwd"]}, ["/paths/0", "/paths/1"]),
        ({"paths": []}, ["/paths"]),
        ({"paths": ["/var/log/a\0"]}, ["/paths/0"]),
        ({"format": "csv"}, ["/format"]),
        ({"slack": "much"}, ["/slack"]),
    ],
)
async def test_what_may_not_be_read_is_refused_and_leaves_nothing(
    api: Api, change: dict[str, Any], pointers: list[str]
) -> None:
    answer = await register(api, **change)
    assert answer.status_code == 422, answer.text
    assert [each["pointer"] for each in answer.json()["errors"]] == pointers
    assert (await api.owner("GET", "/v1/logs/app/history")).status_code == 404


async def test_the_platforms_own_source_is_built_in(api: Api) -> None:
    definition = (await api.owner("GET", "/v1/logs/platform/definition")).json()
    assert (definition["built_in"], definition["format"]) == (True, "json")
    for method, body in (("PUT", {"paths": ["/var/log/a.log"]}), ("DELETE", None)):
        answer = await api.owner(method, "/v1/logs/platform", body)
        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "/problems/built-in-log-source",
        )
    assert (await api.owner("GET", "/v1/logs/platform/history")).json()["items"] == []


async def test_a_tenants_admin_reads_neither_the_hosts_files_nor_another_tenants(api: Api) -> None:
    await register(api)
    key = await key_of(api, "acme")
    for path in ("/v1/logs/app", "/v1/logs/platform", "/v1/logs/platform/definition"):
        assert (await api.ask("GET", path, token=key)).status_code == 404
    outside = await api.ask("PUT", "/v1/logs/x", {"paths": ["/var/log/app.log"]}, token=key)
    inside = await api.ask("PUT", "/v1/logs/app", {"paths": ["/srv/acme/a.log"]}, token=key)
    assert (outside.status_code, inside.status_code) == (422, 201)
    assert (await api.owner("GET", "/v1/logs/app/definition")).json()["paths"] == [
        "/var/log/app.log"
    ]
    history = await api.ask("GET", "/v1/logs/app/history", token=key)
    assert [each["tenant"] for each in history.json()["items"]] == ["acme"]


async def test_a_root_that_was_taken_away_closes_its_sources(api: Api) -> None:
    await register(api)
    api.platform.services.logs.roots.of.clear()  # type: ignore[attr-defined]
    answer = await api.owner("GET", "/v1/logs/app")
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "/problems/log-source-outside-roots",
    )
