"""Steps of the second factors."""

import time
from copy import copy
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import Annals, User, together
from tests.support.authenticator import Authenticator
from tests.support.mailbox import Mailbox
from tests.support.shown_codes import STEP, shown_code

scenarios("second_factors.feature")


@dataclass
class Factors:
    """What the user of a scenario has beside the password."""

    seed: str = ""
    codes: list[str] = field(default_factory=list)
    passkey: Authenticator = field(default_factory=Authenticator)
    copy: Authenticator = field(default_factory=Authenticator)

    def code(self, steps: int = 0) -> str:
        """What the authenticator shows; `steps` ahead, as one whose clock is fast does."""
        assert self.seed
        return shown_code(self.seed, int(time.time()) + steps * STEP)


@pytest.fixture
def factors(annals: Annals) -> Factors:
    """As a browser at `localhost` has them: passkeys are bound to a name, and no address is one."""
    host = f"localhost:{urlsplit(annals.url).port}"
    annals.http.headers["host"] = host
    return Factors(passkey=Authenticator(origin=f"http://{host}", rp_id="localhost"))


def user_of(world: World) -> User:
    assert world.user is not None
    return world.user


def mine(annals: Annals, world: World, path: str, body: Any = None) -> httpx.Response:
    response = annals.request("POST", path, token=world.token, body=body)
    assert response.status_code in (200, 201), response.text
    return response


def anybody(annals: Annals, path: str, body: Any = None) -> httpx.Response:
    response = annals.request("POST", path, body=body)
    annals.http.cookies.clear()
    return response


def challenged(annals: Annals, world: World) -> dict[str, Any]:
    """What the platform answers to the right password."""
    response = annals.sign_in(user_of(world))
    assert response.status_code == 401, response.text
    problem: dict[str, Any] = response.json()
    assert problem["type"] == "/problems/second-factor-required"
    return problem


def complete(annals: Annals, problem: dict[str, Any], **factor: Any) -> httpx.Response:
    body = {"challenge": problem["challenge"], **factor}
    return anybody(annals, "/v1/sessions/second-factor", body)


def options(annals: Annals) -> dict[str, Any]:
    response = anybody(annals, "/v1/sessions/passkey/options")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["publicKey"]
    return found


def with_passkey(annals: Annals, passkey: Authenticator) -> httpx.Response:
    return anybody(annals, "/v1/sessions/passkey", {"credential": passkey.get(options(annals))})


@given("a user with an authenticator that has shown no code yet")
def _(annals: Annals, world: World, factors: Factors) -> None:
    world.user = annals.signed_in()
    factors.seed = mine(annals, world, "/v1/me/totp").json()["secret"]


@given("a user with an authenticator")
def _(annals: Annals, world: World, factors: Factors) -> None:
    world.user = annals.signed_in()
    factors.seed = mine(annals, world, "/v1/me/totp").json()["secret"]
    confirmed = mine(annals, world, "/v1/me/totp/confirm", {"code": factors.code()})
    factors.codes = confirmed.json()["recovery_codes"]


@given("a user with a passkey")
def _(annals: Annals, world: World, factors: Factors) -> None:
    world.user = annals.signed_in()
    offered = mine(annals, world, "/v1/me/passkeys/options").json()["publicKey"]
    body = {"name": "Phone", "credential": factors.passkey.create(offered)}
    mine(annals, world, "/v1/me/passkeys", body)


@given("a copy of it that was used before")
def _(annals: Annals, factors: Factors) -> None:
    factors.copy = copy(factors.passkey)
    for _ in range(3):
        assert with_passkey(annals, factors.copy).status_code == 201


@when("the user signs in with a password and a code")
def _(annals: Annals, world: World, factors: Factors) -> None:
    problem = challenged(annals, world)
    assert problem["methods"] == ["totp", "recovery_code"]
    world.answer = complete(annals, problem, code=factors.code(1))


@when("the user signs in with a password alone")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.sign_in(user_of(world))


@when("somebody signs in with a wrong password")
def _(annals: Annals, world: World) -> None:
    stranger = User(f"{annals.unique('nobody')}@example.org", "whatever it is")
    world.answers = [annals.sign_in(user_of(world), "wrong password"), annals.sign_in(stranger)]


@when("one code is used at several sign-ins at once")
def _(annals: Annals, world: World, factors: Factors) -> None:
    problems, code = [challenged(annals, world) for _ in range(3)], factors.code(1)
    calls = [lambda p=problem: complete(annals, p, code=code) for problem in problems]
    world.answers = together(*calls)


@when("one recovery code is used at several sign-ins at once")
def _(annals: Annals, world: World, factors: Factors) -> None:
    problems, code = [challenged(annals, world) for _ in range(3)], factors.codes[4]
    calls = [lambda p=problem: complete(annals, p, recovery_code=code) for problem in problems]
    world.answers = together(*calls)


@when("one answer of it is sent several times at once")
def _(annals: Annals, world: World, factors: Factors) -> None:
    body = {"credential": factors.passkey.get(options(annals))}
    world.answers = together(*[lambda: anybody(annals, "/v1/sessions/passkey", body)] * 3)


@when("the user signs in with the passkey")
def _(annals: Annals, world: World, factors: Factors) -> None:
    world.answer = with_passkey(annals, factors.passkey)


@when("the user signs in with a password and the passkey")
def _(annals: Annals, world: World, factors: Factors) -> None:
    problem = challenged(annals, world)
    world.answer = complete(annals, problem, passkey=factors.passkey.get(problem["passkey"]))


@when("the passkey answers on a foreign page")
def _(annals: Annals, world: World, factors: Factors) -> None:
    factors.passkey.origin = "https://evil.example"
    world.answer = with_passkey(annals, factors.passkey)


@when("the passkey answers with a lower count than its copy")
def _(annals: Annals, world: World, factors: Factors) -> None:
    assert factors.passkey.sign_count < factors.copy.sign_count - 1
    world.answer = with_passkey(annals, factors.passkey)


@when("the user removes the passkey")
def _(annals: Annals, world: World) -> None:
    [item] = annals.request("GET", "/v1/me/passkeys", token=world.token).json()["items"]
    path = f"/v1/me/passkeys/{item['id']}"
    assert annals.request("DELETE", path, token=world.token).status_code == 204


@when("somebody who knows the password guesses codes until locked out")
def _(annals: Annals, world: World) -> None:
    problem = challenged(annals, world)
    for guess in range(20):
        world.answer = complete(annals, problem, code=f"guess {guess}")
        if world.answer.status_code == 429:
            world.seen = [problem]
            return
        assert world.answer.status_code == 401, world.answer.text
    raise AssertionError("twenty guesses and no lock-out")


@then("the right code opens nothing, either")
def _(annals: Annals, world: World, factors: Factors) -> None:
    world.answer = complete(annals, world.seen[0], code=factors.code(1))
    assert world.problem(429)["type"] == "/problems/locked-out"
    assert int(world.last.headers["retry-after"]) > 0


@then("the user is signed in")
def _(annals: Annals, world: World) -> None:
    assert world.last.status_code == 201, world.last.text
    session = annals.session(world.last.json()["token"])
    assert session.json()["account"] == user_of(world).account


@then("a second factor is asked for")
def _(world: World) -> None:
    assert world.problem(401)["type"] == "/problems/second-factor-required"


@then("nothing tells that there is a second factor")
def _(world: World) -> None:
    mine, strangers = world.answers
    assert mine.status_code == strangers.status_code == 401
    assert mine.json() == strangers.json()


@then("exactly one of them succeeds")
def _(world: World) -> None:
    assert sorted(each.status_code for each in world.answers) == [201, 401, 401]


@then("nine recovery codes are left")
def _(annals: Annals, world: World) -> None:
    mine = annals.request("GET", "/v1/me/second-factors", token=world.token).json()
    assert mine["recovery_codes"]["left"] == 9


@then("it opens nothing")
def _(world: World) -> None:
    assert world.problem(401)["type"] == "/problems/wrong-passkey"


@then("it opens nothing any more")
def _(annals: Annals, world: World, factors: Factors) -> None:
    world.answer = with_passkey(annals, factors.passkey)
    assert world.problem(401)["type"] == "/problems/wrong-passkey"


@then("a letter tells the user so")
def _(mailbox: Mailbox, world: World) -> None:
    email = user_of(world).email

    def wanted(letter: EmailMessage) -> bool:
        return letter["to"] == email and "How you sign in" in letter["subject"]

    assert "An authenticator was added" in mailbox.find(wanted).get_content()
