"""Where second factors meet passwords, accounts and the lock-out."""

from collections.abc import AsyncIterator

import pytest

from adapters.memory.lockout import MemoryLockout
from application.patient_lockout import PatientLockout
from tests.support.accounts import mailed
from tests.support.authenticator import Authenticator
from tests.support.http_platform import Api, opened_api
from tests.support.second_factors import PASSWORD, Person, enrolled

WRONG = "/problems/wrong-second-factor"
REQUIRED = "/problems/second-factor-required"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api(lockout=PatientLockout(MemoryLockout())) as api:
        yield api


JACKDAW = "a jackdaw on the weathervane"


async def reset_by_mail(api: Api, ada: Person) -> None:
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ada.email})
    body = {"token": await mailed(api, "password-reset"), "password": JACKDAW}
    reset = await api.ask("POST", "/v1/accounts/password-reset/confirm", body)
    assert reset.status_code < 300, reset.text


async def test_a_reset_password_still_asks_for_the_second_factor(api: Api, ada: Person) -> None:
    token = await mailed(api, "verify-address")
    await api.ask("POST", "/v1/accounts/verify", {"token": token})
    await enrolled(ada)
    await reset_by_mail(api, ada)
    assert (await ada.sign_in(password=JACKDAW)).json()["type"] == REQUIRED


async def test_but_not_for_one_that_was_enrolled_before_the_address_was_proven(
    api: Api, ada: Person
) -> None:
    await enrolled(ada)
    await ada.register(Authenticator())
    await reset_by_mail(api, ada)
    assert (await ada.sign_in(password=JACKDAW)).status_code == 201


async def test_a_changed_password_ends_what_the_old_one_has_begun(ada: Person) -> None:
    codes = await enrolled(ada)
    problem = (await ada.sign_in()).json()
    change = {"current_password": PASSWORD, "password": "a jackdaw on the weathervane"}
    assert (await ada.ask("POST", "/v1/me/password", change)).status_code < 300
    assert (await ada.complete(problem, recovery_code=codes[0])).json()["type"] == WRONG


async def test_a_closed_account_completes_nothing(ada: Person) -> None:
    codes = await enrolled(ada)
    phone = Authenticator()
    await ada.register(phone)
    problem = (await ada.sign_in()).json()
    closed = await ada.ask("POST", "/v1/me/close", {"current_password": PASSWORD})
    assert closed.status_code < 300, closed.text
    assert (await ada.complete(problem, recovery_code=codes[0])).json()["type"] == WRONG
    assert (await ada.by_passkey(phone)).json()["type"] == "/problems/wrong-passkey"


async def test_a_factor_that_nobody_has_is_wrong(ada: Person) -> None:
    await enrolled(ada)
    problem = (await ada.sign_in()).json()
    await ada.ask("DELETE", "/v1/me/totp")
    assert (await ada.complete(problem, code=ada.next_code())).json()["type"] == WRONG
    ada.seed = (await ada.ask("POST", "/v1/me/totp")).json()["secret"]
    body = {"email": ada.email, "password": PASSWORD, "code": ada.code()}
    tokens = await ada.api.ask("POST", "/v1/tokens", body)
    assert (tokens.status_code, tokens.json()["type"]) == (401, WRONG)


async def test_wrong_codes_lock_out_as_wrong_passwords_do(ada: Person) -> None:
    await enrolled(ada)
    problem = (await ada.sign_in()).json()
    statuses = [(await ada.complete(problem, code=f"{n:06}")).status_code for n in range(10)]
    assert statuses == [401] * 5 + [429] * 5
    assert (await ada.sign_in()).status_code == 429


async def test_a_right_password_forgets_no_wrong_code(ada: Person) -> None:
    await enrolled(ada)
    statuses = []
    for n in range(6):
        answer = await ada.sign_in()
        if answer.status_code == 401:
            answer = await ada.complete(answer.json(), code=f"{n:06}")
        statuses.append(answer.status_code)
    assert statuses == [401] * 5 + [429]


async def test_to_be_asked_for_a_factor_is_no_failure(ada: Person) -> None:
    await enrolled(ada)
    for _ in range(20):
        assert (await ada.sign_in()).json()["type"] == REQUIRED
    completed = await ada.complete((await ada.sign_in()).json(), code=ada.next_code())
    assert completed.status_code == 201


async def test_a_passkey_opens_although_passwords_were_guessed(ada: Person) -> None:
    phone = Authenticator()
    await ada.register(phone)
    while (await ada.sign_in(password="wrong horse")).status_code != 429:
        pass
    assert (await ada.by_passkey(phone)).status_code == 201


async def test_guesses_at_passkeys_lock_out_too(ada: Person) -> None:
    phone = Authenticator()
    await ada.register(phone)
    forged = Authenticator(credential=phone.credential, account=phone.account)
    statuses = [(await ada.by_passkey(forged)).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
