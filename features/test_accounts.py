"""Steps of the accounts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import bcrypt
import httpx
import pytest
from pytest_bdd import given, scenarios, then, when

from features.driver import Annals, User
from tests.support.mailbox import Mailbox
from tests.support.platform import Platform, free_port

scenarios("accounts.feature")

NEW_PASSWORD = "another staple altogether"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.7"


@dataclass
class Person:
    """Who a scenario is about."""

    user: User
    before: str = ""
    token: str = ""
    answers: list[tuple[httpx.Response, httpx.Response]] = field(default_factory=list)
    last: httpx.Response | None = None


@pytest.fixture(scope="module")
def strict(platform: Platform) -> Iterator[Annals]:
    """The same platform through an API process where addresses have to be verified.

    It stands behind a proxy, so that clients are told apart by the addresses that it names.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    api = platform.also(
        "api",
        PORT=str(port),
        HOST="127.0.0.1",
        ACCOUNTS_VERIFY="required",
        TRUSTED_PROXIES="127.0.0.0/8",
    )
    api.wait_ready(url)
    driver = platform.driver(url)
    yield driver
    driver.close()
    api.stop()


def me(annals: Annals, token: str) -> httpx.Response:
    return annals.request("GET", "/v1/me", token=token)


def post(annals: Annals, path: str, body: Any, **more: Any) -> httpx.Response:
    response = annals.request("POST", path, body=body, **more)
    annals.http.cookies.clear()
    assert response.status_code < 500, response.text
    return response


@given("a person who has registered", target_fixture="person")
def registered(annals: Annals) -> Person:
    return Person(annals.register())


@given("a person who is signed in", target_fixture="person")
def signed_in(annals: Annals) -> Person:
    return Person(annals.signed_in())


@given("a person who is signed in twice", target_fixture="person")
def signed_in_twice(annals: Annals) -> Person:
    person = Person(annals.signed_in())
    person.before = person.user.token
    annals.sign_in(person.user)
    return person


@when("they show the token that was mailed to them")
def _(annals: Annals, mailbox: Mailbox, person: Person) -> None:
    person.token = mailbox.token(person.user.email, "Confirm your address")
    response = post(annals, "/v1/accounts/verify", {"token": person.token})
    assert response.status_code == 204, response.text


@then("their account says that the address is verified")
def _(annals: Annals, person: Person) -> None:
    annals.sign_in(person.user)
    assert me(annals, person.user.token).json()["verified"] is True


@then("the token opens nothing any more")
def _(annals: Annals, person: Person) -> None:
    assert post(annals, "/v1/accounts/verify", {"token": person.token}).status_code == 401


@when("they choose a new password with a token that was mailed to them")
def _(annals: Annals, mailbox: Mailbox, person: Person) -> None:
    person.before = person.user.token
    post(annals, "/v1/accounts/password-reset", {"email": person.user.email})
    token = mailbox.token(person.user.email, "Choose a new password")
    body = {"token": token, "password": NEW_PASSWORD}
    response = post(annals, "/v1/accounts/password-reset/confirm", body)
    assert response.status_code == 204, response.text


@then("only the new password opens the account")
def _(annals: Annals, person: Person) -> None:
    assert annals.sign_in(person.user).status_code == 401
    assert annals.sign_in(person.user, NEW_PASSWORD).status_code == 201


@then("the session from before opens nothing")
@then("the other session opens nothing")
def _(annals: Annals, person: Person) -> None:
    assert me(annals, person.before).status_code == 401


@then("they are told by mail that the password was changed")
def _(mailbox: Mailbox, person: Person) -> None:
    assert mailbox.letter(person.user.email, "Your password was changed")


@when("they change the password in one of the sessions")
def _(annals: Annals, person: Person) -> None:
    body = {"current_password": person.user.password, "password": NEW_PASSWORD}
    person.last = post(annals, "/v1/me/password", body, token=person.user.token)
    assert person.last.status_code == 201, person.last.text


@then("that session goes on under another token")
def _(annals: Annals, person: Person) -> None:
    assert person.last is not None
    assert me(annals, person.user.token).status_code == 401
    assert me(annals, person.last.json()["token"]).status_code == 200


@when("they change the address and show the token that was mailed to the new one")
def _(annals: Annals, mailbox: Mailbox, person: Person) -> None:
    new = f"{annals.unique('moved')}@example.com"
    body = {"current_password": person.user.password, "email": new}
    asked = post(annals, "/v1/me/email", body, token=person.user.token)
    assert asked.status_code == 202, asked.text
    token = {"token": mailbox.token(new, "Confirm your new address")}
    response = post(annals, "/v1/me/email/confirm", token, token=person.user.token)
    assert response.status_code == 204, response.text
    person.before, person.user.email = person.user.email, new


@then("only the new address opens the account")
def _(annals: Annals, person: Person) -> None:
    assert annals.sign_in(person.user).status_code == 201
    assert annals.sign_in(User(person.before, person.user.password)).status_code == 401


@then("the old address is told")
def _(mailbox: Mailbox, person: Person) -> None:
    assert mailbox.letter(person.before, "Your address was changed")


@when("they close their account")
def _(annals: Annals, person: Person) -> None:
    body = {"current_password": person.user.password}
    response = post(annals, "/v1/me/close", body, token=person.user.token)
    assert response.status_code == 204, response.text


@then("neither the session nor the password opens anything")
def _(annals: Annals, person: Person) -> None:
    assert me(annals, person.user.token).status_code == 401
    assert annals.sign_in(person.user).status_code == 401


@then("the password opens it again once an admin has reopened it")
def _(annals: Annals, person: Person) -> None:
    annals.as_owner("POST", f"/v1/accounts/{person.user.account}/reopen")
    assert annals.sign_in(person.user).status_code == 201


@given("an account from elsewhere, whose password is kept as bcrypt", target_fixture="person")
def imported(annals: Annals) -> Person:
    user = User(f"{annals.unique('came')}@example.org", "the same as ever")
    kept = bcrypt.hashpw(user.password.encode(), bcrypt.gensalt(5)).decode()
    body = {"accounts": [{"email": user.email, "password_hash": kept}]}
    response = annals.as_owner("POST", "/v1/accounts/import", body)
    user.account = response.json()["items"][0]["id"]
    return Person(user)


@when("its person signs in with the password that they had")
def _(annals: Annals, person: Person) -> None:
    person.last = annals.sign_in(person.user)


@then("a session is opened")
def _(annals: Annals, person: Person) -> None:
    assert person.last is not None
    assert person.last.status_code == 201
    assert me(annals, person.user.token).status_code == 200


@then("the log says that the hash was replaced")
def _(annals: Annals, person: Person) -> None:
    types = [each["type"] for each in annals.events(stream=f"account/{person.user.account}")]
    assert types == ["account.registered", "account.password_rehashed"]


@then("the owner finds the account by its address, however that is written")
def _(annals: Annals, person: Person) -> None:
    seen = annals.events_page(limit="1000", stream=f"account/{person.user.account}")["next"]
    found = annals.as_owner(
        "GET",
        f"/v1/accounts?email={person.user.email.upper()}",
        headers={"annals-consistent-after": seen},
    )
    [item] = found.json()["items"]
    assert (item["id"], item["email"]) == (person.user.account, person.user.email)
    key = {"name": annals.unique("accounts"), "scopes": ["accounts:read"]}
    reader = annals.as_owner("POST", "/v1/api-keys", key).json()["key"]
    listed = annals.request("GET", "/v1/accounts", token=reader).json()["items"]
    assert {each["email"] for each in listed} == {None}
    nobody = annals.as_owner("GET", "/v1/accounts?email=nobody@example.org")
    assert nobody.json()["items"] == []
    assert annals.as_owner("GET", "/v1/accounts?email=nobody").status_code == 422


@given("a platform where addresses have to be verified", target_fixture="person")
@given("a platform that knows clients by their addresses", target_fixture="person")
def verified(strict: Annals, mailbox: Mailbox) -> Person:
    user = User(f"{strict.unique('eve')}@example.org", "correct horse battery staple")
    assert strict.sign_up(user).status_code == 202
    token = mailbox.token(user.email, "Confirm your address")
    post(strict, "/v1/accounts/verify", {"token": token})
    return Person(user)


@when("somebody registers, signs in and asks for a new password with a known and a free address")
def _(strict: Annals, person: Person) -> None:
    free = f"{strict.unique('free')}@example.org"
    guess = {"password": "what nobody would guess"}
    for path, body in (
        ("/v1/accounts", guess),
        ("/v1/sessions", guess),
        ("/v1/accounts/password-reset", {}),
        ("/v1/accounts/verification", {}),
    ):
        known = post(strict, path, {**body, "email": person.user.email})
        person.answers.append((known, post(strict, path, {**body, "email": free})))


@then("both are answered alike")
def _(person: Person) -> None:
    assert [known.status_code for known, _ in person.answers] == [202, 401, 202, 202]
    for known, free in person.answers:
        assert (known.status_code, known.text) == (free.status_code, free.text)
        assert known.headers.keys() == free.headers.keys()
        assert "annals-position" not in known.headers


@then("whoever has the known address is told by mail")
def _(mailbox: Mailbox, person: Person) -> None:
    assert mailbox.letter(person.user.email, "You have an account already")


def sign_in_from(annals: Annals, address: str, user: User, password: str) -> httpx.Response:
    body = {"email": user.email, "password": password}
    return post(annals, "/v1/sessions", body, headers={"x-forwarded-for": address})


@when("a stranger guesses the password of a person until locked out")
def _(strict: Annals, person: Person) -> None:
    for guess in range(20):
        person.last = sign_in_from(strict, ELSEWHERE, person.user, f"guess number {guess}")
        if person.last.status_code == 429:
            return
    raise AssertionError("twenty guesses and no lock-out")


@then("the stranger is told when to come back")
def _(person: Person) -> None:
    assert person.last is not None
    assert int(person.last.headers["retry-after"]) >= 1


@then("the person signs in from where they are")
def _(strict: Annals, person: Person) -> None:
    assert sign_in_from(strict, HOME, person.user, person.user.password).status_code == 201
