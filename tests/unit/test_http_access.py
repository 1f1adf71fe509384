"""Who may what over HTTP: every operation names the permission that lacks."""

from collections.abc import AsyncIterator

import pytest

from adapters.http.app import OPERATIONS
from adapters.http.operations import Operation
from adapters.settings import Settings
from domain.access import BUILT_IN, INSTALLATION, PERMISSIONS, TENANT
from tests.support.http_platform import Api, opened_api
from tests.support.keys import key_of
from tests.support.members import refusal, with_role

GUARDED = [each for each in OPERATIONS if each.permissions]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    settings = Settings(log_level="error", metrics_networks=())
    async with opened_api(settings=settings) as api:
        yield api


def path_of(operation: Operation) -> str:
    path = operation.path.replace(":path", "")
    for name in ("id", "key", "name", "version", "source", "stream", "account", "number"):
        path = path.replace("{" + name + "}", "1" if name == "number" else f"some-{name}")
    assert "{" not in path, path
    return path


async def test_every_operation_names_the_permission_that_lacks(api: Api) -> None:
    keys = {role: await key_of(api, "default", role) for role in ("nobody", "viewer")}
    for operation in GUARDED:
        for role, key in keys.items():
            if set(operation.permissions) & set(BUILT_IN.get(role, ())):
                continue
            answer = await api.ask(operation.method, path_of(operation), token=key)
            assert refusal(answer) == (403, "missing-permission"), operation.path
            assert answer.json()["permission"] in operation.permissions


async def test_every_needed_permission_is_one_that_there_is() -> None:
    assert {each for operation in OPERATIONS for each in operation.permissions} <= PERMISSIONS


async def test_the_list_of_permissions_tells_what_each_opens(api: Api) -> None:
    items = {
        each["permission"]: each
        for each in (await api.owner("GET", "/v1/permissions")).json()["items"]
    }
    assert set(items) == PERMISSIONS
    assert "PUT /v1/flags/{key}" in items["flags:write"]["opens"]
    assert items["flags:write"]["roles"] == ["owner", "admin"]
    assert {name for name, each in items.items() if each["installation"]} == INSTALLATION
    for operation in GUARDED:
        opened = f"{operation.method} {operation.path}"
        assert any(opened in items[each]["opens"] for each in operation.permissions)


async def test_no_tenants_owner_reaches_beyond_the_tenant(api: Api) -> None:
    owner = await with_role(api, "ada@example.org", "owner")
    for operation in GUARDED:
        if not set(operation.permissions) & TENANT:
            answer = await owner.ask(operation.method, path_of(operation))
            assert refusal(answer) == (403, "missing-permission"), operation.path
