"""Steps of the tenants feature."""

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import Annals, User
from tests.support.mailbox import Mailbox

scenarios("tenants.feature")


@dataclass
class Room:
    """The tenant of one scenario, its owner and its guest."""

    name: str
    owner: User
    guest: User | None = None
    token: str = ""

    @property
    def invited(self) -> User:
        assert self.guest is not None
        return self.guest


@pytest.fixture
def room(annals: Annals) -> Room:
    return Room(annals.unique("tenant"), annals.signed_in())


def there(
    annals: Annals, room: Room, user: User, method: str, path: str, body: Any = None
) -> httpx.Response:
    """Ask for something in the tenant."""
    named = {"annals-tenant": room.name}
    return annals.request(method, path, token=user.token, body=body, headers=named)


def accepted(annals: Annals, room: Room, user: User) -> httpx.Response:
    body = {"token": room.token}
    return annals.request("POST", "/v1/invitations/accept", token=user.token, body=body)


@given("a tenant with an owner")
def _(annals: Annals, room: Room) -> None:
    body = {"name": room.name, "owner": room.owner.account}
    made = annals.as_owner("POST", "/v1/tenants", body)
    assert made.status_code == 201, made.text
    flag = there(annals, room, room.owner, "PUT", "/v1/flags/only-here", {"enabled": True})
    assert flag.status_code == 201, flag.text


@given("somebody who was invited by mail")
def _(annals: Annals, room: Room, mailbox: Mailbox) -> None:
    room.guest = annals.signed_in()
    body = {"email": room.guest.email, "role": "viewer"}
    sent = there(annals, room, room.owner, "POST", "/v1/invitations", body)
    assert sent.status_code == 201, sent.text
    letter = mailbox.letter(room.guest.email, f"You are invited to {room.name}")
    [room.token] = re.findall(r"^inv_\S+$", letter, re.MULTILINE)


@when("they accept the invitation")
def _(annals: Annals, room: Room, world: World) -> None:
    world.answer = accepted(annals, room, room.invited)


@when("somebody else accepts the invitation")
def _(annals: Annals, room: Room, world: World) -> None:
    world.answer = accepted(annals, room, annals.signed_in())


@when("the owner asks for a flag of the tenant")
def _(annals: Annals, room: Room, world: World) -> None:
    world.answer = there(annals, room, room.owner, "GET", "/v1/flags/only-here")


@when("a stranger names the tenant")
def _(annals: Annals, room: Room, world: World) -> None:
    world.answer = there(annals, room, annals.signed_in(), "GET", "/v1/flags/only-here")


@when("the owner leaves")
def _(annals: Annals, room: Room, world: World) -> None:
    world.answer = there(annals, room, room.owner, "POST", "/v1/me/leave")


@when("the tenant is suspended")
def _(annals: Annals, room: Room) -> None:
    path = f"/v1/tenants/{room.name}/suspend"
    assert annals.as_owner("POST", path, {"reason": "unpaid"}).status_code == 200


@then("they are a member")
def _(annals: Annals, room: Room, world: World) -> None:
    assert world.last.json() == {"tenant": room.name, "role": "viewer"}
    shown = there(annals, room, room.invited, "GET", "/v1/flags/only-here")
    assert shown.status_code == 200, shown.text


@then("the token opens nothing any more")
def _(annals: Annals, room: Room) -> None:
    assert accepted(annals, room, room.invited).status_code == 401


@then("the token opens nothing to them")
def _(world: World) -> None:
    assert world.problem(401)["type"] == "/problems/wrong-token"


@then("the flag is shown there and nowhere else")
def _(annals: Annals, world: World) -> None:
    assert world.last.status_code == 200
    assert annals.as_owner("GET", "/v1/flags/only-here").status_code == 404


@then("the answer is that of a tenant which is not there")
def _(annals: Annals, world: World) -> None:
    nowhere = Room(annals.unique("nowhere"), annals.signed_in())
    answer = there(annals, nowhere, nowhere.owner, "GET", "/v1/flags/only-here")
    assert world.problem(403)["type"] == "/problems/not-your-tenant"
    assert answer.text == world.last.text


@then("the owner stays")
def _(annals: Annals, room: Room, world: World) -> None:
    assert world.problem(409)["type"] == "/problems/last-owner"
    assert there(annals, room, room.owner, "GET", "/v1/flags/only-here").status_code == 200


@then("nothing is to be had there")
def _(annals: Annals, room: Room) -> None:
    answer = there(annals, room, room.owner, "GET", "/v1/flags/only-here")
    assert answer.json()["type"] == "/problems/tenant-suspended"


@then("after it was resumed everything is there again")
def _(annals: Annals, room: Room) -> None:
    assert annals.as_owner("POST", f"/v1/tenants/{room.name}/resume").status_code == 200
    assert there(annals, room, room.owner, "GET", "/v1/flags/only-here").status_code == 200
