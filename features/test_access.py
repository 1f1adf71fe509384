"""Steps of the access feature."""

import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import PATIENCE, Annals, User

scenarios("access.feature")


@dataclass
class Case:
    """What one scenario works with."""

    role: str = ""
    member: User = field(default_factory=lambda: User("", ""))
    key: dict[str, Any] = field(default_factory=dict)
    service: str = ""


@pytest.fixture
def case() -> Case:
    return Case()


def asked(annals: Annals, case: Case, method: str, path: str, body: Any = None) -> httpx.Response:
    return annals.request(method, path, token=case.member.token, body=body)


def in_role(annals: Annals, user: User, role: str) -> User:
    path = f"/v1/members/{user.account}"
    assert annals.as_owner("PUT", path, {"role": role}).status_code == 200
    assert annals.sign_in(user).status_code == 201
    return user


def reads(annals: Annals, token: str, what: str) -> httpx.Response:
    """Ask for something that is not there: 404 for who may read such things."""
    return annals.request("GET", f"/v1/{what}/nothing-here", token=token)


@given(parsers.parse('a role that opens "{permission}"'))
def _(annals: Annals, case: Case, permission: str) -> None:
    case.role = annals.unique("role")
    made = annals.as_owner("PUT", f"/v1/roles/{case.role}", {"permissions": [permission]})
    assert made.status_code == 201, made.text


@given("a member in that role")
def _(annals: Annals, case: Case) -> None:
    case.member = in_role(annals, annals.register(), case.role)


@given(parsers.parse('a member in the role "{role}"'))
def _(annals: Annals, case: Case, role: str) -> None:
    case.member = in_role(annals, annals.register(), role)


@given(parsers.parse('their key that opens "{permission}"'))
@when(parsers.parse('they make a key that opens "{permission}"'))
def _(annals: Annals, case: Case, permission: str) -> None:
    body = {"name": annals.unique("key"), "scopes": [permission]}
    made = asked(annals, case, "POST", "/v1/api-keys", body)
    assert made.status_code == 201, made.text
    case.key = made.json()


@given(parsers.parse('a service account in the role "{role}"'))
def _(annals: Annals, case: Case, role: str) -> None:
    body = {"name": annals.unique("ci"), "role": role}
    case.service = annals.as_owner("POST", "/v1/service-accounts", body).json()["id"]
    key = {"name": "its key", "scopes": ["flags:read", "flags:write"]}
    made = annals.as_owner("POST", "/v1/api-keys", {**key, "service_account": case.service})
    assert made.status_code == 201, made.text
    case.key = made.json()


@when(parsers.parse('the role is changed to open "{permission}"'))
def _(annals: Annals, case: Case, permission: str) -> None:
    changed = annals.as_owner("PUT", f"/v1/roles/{case.role}", {"permissions": [permission]})
    assert changed.status_code == 200, changed.text


@when("the role is deleted")
def _(annals: Annals, case: Case, world: World) -> None:
    world.answer = annals.as_owner("DELETE", f"/v1/roles/{case.role}")


@when("they change a flag")
def _(annals: Annals, case: Case, world: World) -> None:
    world.answer = asked(annals, case, "PUT", "/v1/flags/a-flag", {"enabled": True})


@when("they make somebody an owner")
def _(annals: Annals, case: Case, world: World) -> None:
    path = f"/v1/members/{annals.register().account}"
    world.answer = asked(annals, case, "PUT", path, {"role": "owner"})


@when(parsers.parse('they are made a member in the role "{role}"'))
def _(annals: Annals, case: Case, role: str) -> None:
    in_role(annals, case.member, role)


@when("the key is revoked")
def _(annals: Annals, case: Case) -> None:
    gone = asked(annals, case, "DELETE", f"/v1/api-keys/{case.key['id']}")
    assert gone.status_code == 204, gone.text


@when("it asks who it is")
def _(annals: Annals, case: Case, world: World) -> None:
    world.answer = annals.request("GET", "/v1/access/current", token=case.key["key"])


@then("the member reads flags")
def _(annals: Annals, case: Case) -> None:
    assert reads(annals, case.member.token, "flags").status_code == 404


@then("the member may not read limits")
def _(annals: Annals, case: Case) -> None:
    assert reads(annals, case.member.token, "limits").json()["permission"] == "limits:read"


@then("it stays, and how many have it is told")
def _(annals: Annals, case: Case, world: World) -> None:
    assert world.problem(409)["holders"] == 1
    assert annals.as_owner("GET", f"/v1/roles/{case.role}").status_code == 200


@then("the key reads flags")
def _(annals: Annals, case: Case) -> None:
    assert reads(annals, case.key["key"], "flags").status_code == 404


@then(parsers.parse("the key may not read {what}"))
def _(annals: Annals, case: Case, what: str) -> None:
    assert reads(annals, case.key["key"], what).json()["permission"] == f"{what}:read"


@then("the list shows how it begins, and that it was used")
def _(annals: Annals, case: Case) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        listed = asked(annals, case, "GET", "/v1/api-keys?limit=1000").json()["items"]
        mine = [each for each in listed if each["id"] == case.key["id"]]
        if mine and mine[0]["last_used_at"]:
            break
        assert time.monotonic() < deadline, listed
        time.sleep(0.05)
    assert case.key["key"].startswith(mine[0]["prefix"])


@then("the key opens nothing")
def _(annals: Annals, case: Case) -> None:
    assert reads(annals, case.key["key"], "flags").status_code == 401


@then("it is told its name, and what its role opens")
def _(case: Case, world: World) -> None:
    told = world.last.json()
    assert told["actor"] == f"service-account/{case.service}"
    assert (told["role"], told["permissions"]) == ("viewer", ["flags:read"])
