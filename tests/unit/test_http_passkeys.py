"""Passkeys over HTTP: registering and using them, and what hostile ones come to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.support.authenticator import Authenticator
from tests.support.http_platform import Api, opened_api
from tests.support.letters import letters_in
from tests.support.second_factors import Person, enrolled, person

WRONG = "/problems/wrong-passkey"


@pytest.fixture
async def phone(ada: Person) -> Authenticator:
    phone = Authenticator()
    answer = await ada.register(phone)
    assert answer.status_code == 201, answer.text
    return phone


async def test_a_passkey_signs_in_without_a_password(ada: Person, phone: Authenticator) -> None:
    answer = await ada.by_passkey(phone)
    assert answer.status_code == 201, answer.text
    assert answer.json()["account"] == ada.account
    token = answer.json()["token"]
    session = await ada.api.ask("GET", "/v1/sessions/current", token=token)
    assert session.status_code == 200


async def test_a_passkey_stands_as_second_factor(ada: Person, phone: Authenticator) -> None:
    problem = (await ada.sign_in()).json()
    assert problem["methods"] == ["passkey", "recovery_code"]
    assert problem["passkey"]["challenge"] == problem["challenge"]
    assert len(problem["passkey"]["allowCredentials"]) == 1
    answer = await ada.complete(problem, passkey=phone.get(problem["passkey"]))
    assert answer.status_code == 201, answer.text


async def test_the_first_factor_brings_recovery_codes(ada: Person) -> None:
    first = (await ada.register(Authenticator(), "Phone")).json()
    second = (await ada.register(Authenticator(), "Key")).json()
    assert len(first["recovery_codes"]) == 10
    assert second["recovery_codes"] == []
    problem = (await ada.sign_in()).json()
    code = first["recovery_codes"][0]
    assert (await ada.complete(problem, recovery_code=code)).status_code == 201


async def test_a_person_has_several_passkeys_with_names(ada: Person) -> None:
    for name in ("Phone", "Key"):
        await ada.register(Authenticator(synced=name == "Phone"), name)
    items = (await ada.ask("GET", "/v1/me/passkeys")).json()["items"]
    assert [(each["name"], each["synced"]) for each in items] == [("Phone", True), ("Key", False)]
    one = await ada.ask("GET", f"/v1/me/passkeys/{items[1]['id']}")
    assert one.json() == items[1]


async def test_a_passkeys_last_use_is_told(ada: Person, phone: Authenticator) -> None:
    [before] = (await ada.ask("GET", "/v1/me/passkeys")).json()["items"]
    assert before["last_used_at"] is None
    await ada.by_passkey(phone)
    [after] = (await ada.ask("GET", "/v1/me/passkeys")).json()["items"]
    assert after["last_used_at"] >= after["created_at"]


async def test_a_removed_passkey_opens_nothing(ada: Person, phone: Authenticator) -> None:
    [item] = (await ada.ask("GET", "/v1/me/passkeys")).json()["items"]
    path = f"/v1/me/passkeys/{item['id']}"
    assert (await ada.ask("DELETE", path)).status_code == 204
    assert (await ada.ask("DELETE", path)).status_code == 404
    assert (await ada.by_passkey(phone)).json()["type"] == WRONG
    assert (await ada.sign_in()).status_code == 201


async def test_passkeys_are_told_by_mail(api: Api, ada: Person, phone: Authenticator) -> None:
    assert '"Phone"' in str((await letters_in(api.platform))[-1].text)
    [item] = (await ada.ask("GET", "/v1/me/passkeys")).json()["items"]
    before = len(await letters_in(api.platform))
    await ada.ask("DELETE", f"/v1/me/passkeys/{item['id']}")
    assert len(await letters_in(api.platform)) == before + 1
    assert (await ada.by_passkey(phone)).status_code == 401


async def test_a_stolen_passkey_of_somebody_else_is_not_mine(api: Api, ada: Person) -> None:
    bob = await person(api, "bob@example.org")
    key = Authenticator()
    await bob.register(key)
    await enrolled(ada)
    problem = (await ada.sign_in()).json()
    options = {"challenge": problem["challenge"]}
    answer = await ada.complete(problem, passkey=key.get(options))
    assert answer.json()["type"] == "/problems/wrong-second-factor"
    key.own(ada.account)
    assert (await ada.by_passkey(key)).json()["type"] == WRONG


HOSTILE: list[dict[str, Any]] = [
    {"origin": "https://localhost"},
    {"origin": "http://evil.example"},
    {"rp_id": "evil.example"},
    {"verifies": False},
    {"cross_origin": True},
    {"account": b"\x00" * 16},
    {"account": b""},
    {"credential": b"another"},
    {"sign_count": 0},
]


@pytest.mark.parametrize("change", HOSTILE)
async def test_a_hostile_answer_opens_nothing(ada: Person, change: dict[str, Any]) -> None:
    phone = Authenticator(sign_count=5)
    await ada.register(phone)
    before = (await ada.api.platform.store.tail()).position
    options = await ada.options()
    answer = await ada.by_passkey(replace(phone, **change), options)
    assert (answer.status_code, answer.json()["type"]) == (401, WRONG)
    assert (await ada.api.platform.store.tail()).position == before
    assert (await ada.by_passkey(phone, options)).status_code == 201


async def test_every_wrong_answer_reads_the_same(ada: Person, phone: Authenticator) -> None:
    options = await ada.options()
    foreign = replace(phone, credential=b"foreign")
    unknown = replace(phone, account=b"\x01" * 16)
    unsealed = {**options, "challenge": "AAAA"}
    answers = [
        await ada.by_passkey(foreign, options),
        await ada.by_passkey(unknown, options),
        await ada.by_passkey(phone, unsealed),
    ]
    assert all(each.json() == answers[0].json() for each in answers)


HOSTILE_REGISTRATIONS = [each for each in HOSTILE if set(each) & {"origin", "rp_id", "verifies"}]


@pytest.mark.parametrize("change", [*HOSTILE_REGISTRATIONS, {"cross_origin": True}])
async def test_a_hostile_registration_is_refused(ada: Person, change: dict[str, Any]) -> None:
    answer = await ada.register(Authenticator(**change))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "wrong-credential"
    assert (await ada.ask("GET", "/v1/me/passkeys")).json()["items"] == []


async def test_an_answer_counts_once(ada: Person) -> None:
    phone = Authenticator(counts=False)  # so that only the challenge can tell
    await ada.register(phone)
    options = await ada.options()
    body = {"credential": phone.get(options)}
    first = await ada.api.ask("POST", "/v1/sessions/passkey", body, host="localhost")
    again = await ada.api.ask("POST", "/v1/sessions/passkey", body, host="localhost")
    assert (first.status_code, again.status_code) == (201, 401)
    assert again.json()["type"] == WRONG


async def test_a_registration_counts_once(ada: Person) -> None:
    options = (await ada.ask("POST", "/v1/me/passkeys/options")).json()["publicKey"]
    assert (await ada.register(Authenticator(), options=options)).status_code == 201
    assert (await ada.register(Authenticator(), options=options)).status_code == 422


async def test_a_challenge_expires(api: Api, ada: Person, phone: Authenticator) -> None:
    options = await ada.options()
    api.platform.clock += timedelta(minutes=5)
    assert (await ada.by_passkey(phone, options)).json()["type"] == WRONG


async def test_challenges_are_not_exchanged(ada: Person, phone: Authenticator) -> None:
    problem = (await ada.sign_in()).json()
    assert (await ada.by_passkey(phone, problem["passkey"])).json()["type"] == WRONG
    options = await ada.options()
    crossed = await ada.complete(problem, passkey=phone.get(options))
    assert crossed.status_code == 401
    made = (await ada.ask("POST", "/v1/me/passkeys/options")).json()["publicKey"]
    assert (await ada.by_passkey(phone, made)).json()["type"] == WRONG
    answer = await ada.register(
        Authenticator(), options={**made, "challenge": options["challenge"]}
    )
    assert answer.status_code == 422


async def test_another_persons_options_register_nothing(api: Api, ada: Person) -> None:
    bob = await person(api, "bob@example.org")
    options = (await bob.ask("POST", "/v1/me/passkeys/options")).json()["publicKey"]
    assert (await ada.register(Authenticator(), options=options)).status_code == 422


async def test_one_passkey_is_registered_once(ada: Person, phone: Authenticator) -> None:
    again = await ada.register(phone)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/passkey-taken")


@pytest.mark.parametrize(
    ("public_url", "host", "party"),
    [
        ("", "localhost:8000", ("localhost", "http://localhost:8000")),
        ("", "app.localhost", ("app.localhost", "http://app.localhost")),
        ("http://localhost:8000", "LOCALHOST:9000", ("localhost", "http://localhost:9000")),
        (
            "https://Annals.example.org:443/x",
            "any",
            ("annals.example.org", "https://annals.example.org"),
        ),
        ("https://example.org:8443", "evil.example", ("example.org", "https://example.org:8443")),
        ("", "evil.example", None),
        ("", "localhost.evil.example", None),
        ("", "", None),
        ("", "[::1", None),
        ("", "localhost:port", None),
        ("", "127.0.0.1:8000", None),
        ("", "[::1]:8000", None),
        ("http://192.0.2.7:8000", "localhost", None),
    ],
)
async def test_passkeys_are_for_the_host_at_which_people_reach_this(
    public_url: str, host: str, party: tuple[str, str] | None
) -> None:
    async with opened_api() as api:
        settings = msgspec.structs.replace(api.platform.settings, public_url=public_url)
        api.platform.settings = settings
        answer = await api.ask("POST", "/v1/sessions/passkey/options", host=host)
        if party is None:
            assert (answer.status_code, answer.json()["type"]) == (
                409,
                "/problems/no-passkeys-here",
            )
            return
        assert answer.json()["publicKey"]["rpId"] == party[0]
        ada = await person(api)
        phone = Authenticator(rp_id=party[0], origin=party[1])
        made = await ada.ask("POST", "/v1/me/passkeys/options", host=host)
        body = {"name": "Phone", "credential": phone.create(made.json()["publicKey"])}
        added = await ada.ask("POST", "/v1/me/passkeys", body, host=host)
        assert added.status_code == 201, added.text


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "nul \x00"},
        {"name": 1},
        {"more": 1},
        {"credential": {}},
        {"credential": {"id": "a", "rawId": "a", "type": "t", "response": {}}},
    ],
)
async def test_bad_input_is_422_and_appends_nothing(ada: Person, change: dict[str, Any]) -> None:
    options = (await ada.ask("POST", "/v1/me/passkeys/options")).json()["publicKey"]
    before = (await ada.api.platform.store.tail()).position
    body = {"name": "Phone", "credential": Authenticator().create(options), **change}
    answer = await ada.ask("POST", "/v1/me/passkeys", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]
    assert (await ada.api.platform.store.tail()).position == before
