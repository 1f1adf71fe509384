"""Second factors over HTTP: enrolling them, and signing in with them."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.http_platform import OWNER, Api
from tests.support.letters import letters_in
from tests.support.second_factors import EMAIL, Person, enrolled, person
from tests.support.shown_codes import shown_code

WRONG = "/problems/wrong-second-factor"
REQUIRED = "/problems/second-factor-required"


async def test_an_authenticator_counts_only_after_a_right_code(ada: Person) -> None:
    seed = await ada.ask("POST", "/v1/me/totp")
    assert seed.status_code == 201
    assert seed.json()["uri"].startswith("otpauth://totp/Annals:ada%40example.org?")
    assert (await ada.sign_in()).status_code == 201
    wrong = await ada.ask("POST", "/v1/me/totp/confirm", {"code": "000000"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/code"
    ada.seed = seed.json()["secret"]
    confirmed = await ada.ask("POST", "/v1/me/totp/confirm", {"code": ada.code()})
    assert confirmed.status_code == 200
    assert len(set(confirmed.json()["recovery_codes"])) == 10
    assert (await ada.sign_in()).json()["type"] == REQUIRED


async def test_seeds_and_codes_are_shown_once(ada: Person) -> None:
    codes = await enrolled(ada)
    for path in ("/v1/me/second-factors", "/v1/me/second-factors/history"):
        shown = (await ada.ask("GET", path)).text
        assert ada.seed not in shown
        assert not any(code in shown for code in codes)


async def test_a_right_password_asks_for_the_second_factor(ada: Person) -> None:
    await enrolled(ada)
    answer = await ada.sign_in()
    assert answer.status_code == 401
    problem = answer.json()
    assert problem["type"] == REQUIRED
    assert problem["methods"] == ["totp", "recovery_code"]
    completed = await ada.complete(problem, code=ada.next_code())
    assert completed.status_code == 201
    session = await ada.api.ask("GET", "/v1/sessions/current", token=completed.json()["token"])
    assert session.status_code == 200
    assert "set-cookie" in completed.headers


async def test_a_wrong_password_tells_nothing_of_second_factors(ada: Person) -> None:
    await enrolled(ada)
    wrong = await ada.sign_in(password="wrong horse")
    unknown = await ada.sign_in(email="nobody@example.org")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["type"] == "/problems/wrong-credentials"


async def test_a_code_counts_once(ada: Person) -> None:
    await enrolled(ada)
    code = ada.next_code()
    first, second = (await ada.sign_in()).json(), (await ada.sign_in()).json()
    assert (await ada.complete(first, code=code)).status_code == 201
    again = await ada.complete(second, code=code)
    assert again.status_code == 401
    assert again.json()["type"] == WRONG


async def test_the_code_that_confirmed_counts_no_more(ada: Person) -> None:
    await enrolled(ada)
    assert (await ada.complete((await ada.sign_in()).json(), code=ada.code())).status_code == 401


async def test_a_challenge_counts_once(ada: Person) -> None:
    codes = await enrolled(ada)
    problem = (await ada.sign_in()).json()
    assert (await ada.complete(problem, recovery_code=codes[0])).status_code == 201
    again = await ada.complete(problem, recovery_code=codes[1])
    assert again.json()["type"] == WRONG


async def test_a_challenge_expires(api: Api, ada: Person) -> None:
    codes = await enrolled(ada)
    problem = (await ada.sign_in()).json()
    api.platform.clock += timedelta(minutes=5)
    assert (await ada.complete(problem, recovery_code=codes[0])).json()["type"] == WRONG


async def test_a_challenge_is_bound_to_its_account(api: Api, ada: Person) -> None:
    await enrolled(ada)
    bob = await person(api, "bob@example.org")
    codes = await enrolled(bob)
    problem = (await ada.sign_in()).json()
    assert (await ada.complete(problem, recovery_code=codes[0])).json()["type"] == WRONG


@pytest.mark.parametrize("challenge", ["", "x", "A" * 200, "\u00e9", "AQ=="])
async def test_no_other_challenge_counts(ada: Person, challenge: str) -> None:
    codes = await enrolled(ada)
    answer = await ada.complete({"challenge": challenge}, recovery_code=codes[0])
    assert answer.json()["type"] == WRONG


async def test_every_wrong_factor_has_one_answer(ada: Person) -> None:
    await enrolled(ada)
    problem = (await ada.sign_in()).json()
    answers = [
        await ada.complete(problem, code="000000"),
        await ada.complete(problem, code="no code"),
        await ada.complete(problem, recovery_code="0000-0000"),
        await ada.complete({"challenge": "foreign"}, code=ada.next_code()),
    ]
    assert [each.status_code for each in answers] == [401] * 4
    assert all(each.json() == answers[0].json() for each in answers)


async def test_a_recovery_code_counts_once_and_is_told(api: Api, ada: Person) -> None:
    codes = await enrolled(ada)
    problem = (await ada.sign_in()).json()
    typed = codes[3].upper().replace("-", " ")
    assert (await ada.complete(problem, recovery_code=typed)).status_code == 201
    again = await ada.complete((await ada.sign_in()).json(), recovery_code=codes[3])
    assert again.json()["type"] == WRONG
    left = (await ada.ask("GET", "/v1/me/second-factors")).json()["recovery_codes"]["left"]
    assert left == 9
    assert "9 are left" in str((await letters_in(api.platform))[-1].text)


async def test_new_recovery_codes_end_the_old_ones(ada: Person) -> None:
    old = await enrolled(ada)
    new = (await ada.ask("POST", "/v1/me/recovery-codes")).json()["recovery_codes"]
    assert len(new) == 10
    refused = await ada.complete((await ada.sign_in()).json(), recovery_code=old[0])
    assert refused.json()["type"] == WRONG
    taken = await ada.complete((await ada.sign_in()).json(), recovery_code=new[0])
    assert taken.status_code == 201


async def test_recovery_codes_need_a_factor(ada: Person) -> None:
    answer = await ada.ask("POST", "/v1/me/recovery-codes")
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/no-second-factor"


async def test_a_removed_authenticator_is_asked_for_no_more(ada: Person) -> None:
    await enrolled(ada)
    assert (await ada.ask("DELETE", "/v1/me/totp")).status_code == 204
    assert (await ada.ask("DELETE", "/v1/me/totp")).status_code == 204
    assert (await ada.sign_in()).status_code == 201


async def test_the_owner_helps_somebody_who_has_lost_everything(api: Api, ada: Person) -> None:
    await enrolled(ada)
    path = f"/v1/accounts/{ada.account}/second-factors"
    assert (await ada.ask("DELETE", path)).status_code == 403
    before = len(await letters_in(api.platform))
    assert (await api.owner("DELETE", path)).status_code == 204
    assert len(await letters_in(api.platform)) == before + 1
    assert (await ada.sign_in()).status_code == 201
    unknown = "/v1/accounts/00000000-0000-7000-8000-000000000000/second-factors"
    assert (await api.owner("DELETE", unknown)).status_code == 404


async def test_a_second_authenticator_waits_for_the_first_to_go(ada: Person) -> None:
    await enrolled(ada)
    again = await ada.ask("POST", "/v1/me/totp")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/totp-enrolled")
    confirm = await ada.ask("POST", "/v1/me/totp/confirm", {"code": ada.code()})
    assert confirm.status_code == 409


SENSITIVE: list[tuple[str, str, Any]] = [
    ("POST", "/v1/me/totp", None),
    ("POST", "/v1/me/totp/confirm", {"code": "123456"}),
    ("DELETE", "/v1/me/totp", None),
    ("POST", "/v1/me/recovery-codes", None),
    ("POST", "/v1/me/passkeys/options", None),
    ("DELETE", "/v1/me/passkeys/00000000-0000-7000-8000-000000000000", None),
]


@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE)
async def test_changes_need_a_fresh_session(
    api: Api, ada: Person, method: str, path: str, body: Any
) -> None:
    api.platform.clock += timedelta(minutes=11)
    answer = await ada.ask(method, path, body)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/step-up-required")


@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE)
async def test_programs_have_no_second_factors(api: Api, method: str, path: str, body: Any) -> None:
    answer = await api.ask(method, path, body, token=OWNER)
    assert answer.status_code == 403


async def test_every_change_is_told_by_mail(api: Api, ada: Person) -> None:
    async def told() -> int:
        kinds = [letter.kind for letter in await letters_in(api.platform)]
        return kinds.count("second-factor-changed")

    await enrolled(ada)
    assert await told() == 1
    await ada.ask("POST", "/v1/me/recovery-codes")
    assert await told() == 2
    await ada.ask("DELETE", "/v1/me/totp")
    assert await told() == 3
    await ada.ask("DELETE", "/v1/me/totp")
    assert await told() == 3


async def test_a_command_with_a_key_is_answered_again(ada: Person) -> None:
    first = await ada.ask("POST", "/v1/me/totp", idempotency_key="k1")
    again = await ada.ask("POST", "/v1/me/totp", idempotency_key="k1")
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"challenge": "x"},
        {"challenge": "x", "code": 123456},
        {"challenge": "x", "code": "1", "recovery_code": "2"},
        {"challenge": "x", "code": "1" * 21},
        {"challenge": "x", "code": "1", "more": 1},
        {"challenge": "x", "passkey": {"id": "%%"}},
        {"code": "123456"},
    ],
)
async def test_bad_input_is_422_and_appends_nothing(api: Api, body: dict[str, Any]) -> None:
    before = (await api.platform.store.tail()).position
    answer = await api.ask("POST", "/v1/sessions/second-factor", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]
    assert (await api.platform.store.tail()).position == before


async def test_factors_are_told_as_they_were(api: Api, ada: Person) -> None:
    before = api.platform.now()
    await enrolled(ada)
    now = (await ada.ask("GET", "/v1/me/second-factors")).json()
    assert now["totp"]["enrolled_at"]
    assert now["recovery_codes"]["left"] == 10
    then = await ada.ask("GET", f"/v1/me/second-factors?at={before:%Y-%m-%dT%H:%M:%S.%fZ}")
    assert then.json() == {"totp": None, "recovery_codes": None, "passkeys": [], "version": 0}


async def test_the_history_tells_everything_but_secrets(ada: Person) -> None:
    await enrolled(ada)
    await ada.complete((await ada.sign_in()).json(), code=ada.next_code())
    items = (await ada.ask("GET", "/v1/me/second-factors/history")).json()["items"]
    types = ["totp.offered", "totp.confirmed", "recovery_codes.issued", "totp.used"]
    assert [each["type"] for each in items] == types
    assert items[0]["data"] == {"seed": {"hidden": True}}


async def test_a_code_of_30_seconds_ago_counts_and_none_older(api: Api, ada: Person) -> None:
    await enrolled(ada)
    shown_at = api.platform.clock + timedelta(seconds=90)
    code = shown_code(ada.seed, shown_at.timestamp())
    problem = (await ada.sign_in()).json()
    api.platform.clock = shown_at + timedelta(seconds=61)
    assert (await ada.complete(problem, code=code)).status_code == 401
    api.platform.clock = shown_at + timedelta(seconds=29)
    assert (await ada.complete(problem, code=code)).status_code == 201


async def test_another_person_sees_nothing(api: Api, ada: Person) -> None:
    await enrolled(ada)
    bob = await person(api, "bob@example.org")
    assert (await bob.ask("GET", "/v1/me/second-factors")).json()["totp"] is None
    assert (await bob.ask("GET", "/v1/me/second-factors/history")).status_code == 404
    assert EMAIL not in (await bob.ask("GET", "/v1/me/second-factors")).text
