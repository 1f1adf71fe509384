"""Nobody is told whether an address has an account: not by status, body, headers or letters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from adapters.http import even_answers
from adapters.http.answers import Answer
from adapters.http.app import OPERATIONS
from adapters.http.operations import Operation
from adapters.memory.lockout import MemoryLockout
from adapters.settings import Settings
from application.letter_limit import FROM_ONE_RANGE_IN_ALL, LetterLimit
from application.patient_lockout import PatientLockout
from domain.accounts import EmailTaken
from tests.support.http_platform import Api, opened_api
from tests.support.letters import letters_in
from tests.support.mailbox import token_in
from tests.support.stand_ins import Counter

KNOWN, CLOSED, UNKNOWN = "ada@example.org", "closed@example.org", "nobody@example.org"
PASSWORD = "correct horse"
QUANTUM = even_answers.QUANTUM
PER_REQUEST = {"correlation-id", "annals-position"}


@pytest.fixture(autouse=True)
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(even_answers, "QUANTUM", 0.001)


@pytest.fixture(params=["optional", "required"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    async with peopled(request.param) as api:
        yield api


@pytest.fixture
async def strict() -> AsyncIterator[Api]:
    async with peopled("required") as api:
        yield api


@asynccontextmanager
async def peopled(verify: str) -> AsyncIterator[Api]:
    settings = Settings(log_level="error", accounts_verify=verify)
    lockout = PatientLockout(MemoryLockout())
    async with opened_api(settings=settings, lockout=lockout) as api:
        for email in (KNOWN, CLOSED):
            await api.ask("POST", "/v1/accounts", {"email": email, "password": PASSWORD})
            letter = (await letters_in(api.platform))[-1]
            await api.ask("POST", "/v1/accounts/verify", {"token": token_in(str(letter.text))})
        token = await signed_in(api, CLOSED)
        await api.ask("POST", "/v1/me/close", {"current_password": PASSWORD}, token=token)
        yield api


async def signed_in(api: Api, email: str) -> str:
    body = {"email": email, "password": PASSWORD}
    answer = await api.ask("POST", "/v1/sessions", body)
    api.http.cookies.clear()
    return str(answer.json()["token"])


def seen(answer: Any) -> tuple[int, str, dict[str, str]]:
    headers = {name: "" if name in PER_REQUEST else value for name, value in answer.headers.items()}
    return answer.status_code, answer.text, headers


async def told(api: Api, method: str, path: str, body: Any, **headers: str) -> list[Any]:
    """What is seen of an address that has an account, a closed one and none."""
    return [
        seen(await api.ask(method, path, {**body, "email": email}, **headers))
        for email in (KNOWN, CLOSED, UNKNOWN)
    ]


async def test_at_sign_in(api: Api) -> None:
    for _ in range(8):
        known, closed, unknown = await told(api, "POST", "/v1/sessions", {"password": "wrong one"})
        assert known == closed == unknown
    assert known[0] == 429
    assert known[2]["retry-after"] == "30"


@pytest.mark.parametrize("path", ["/v1/accounts/password-reset", "/v1/accounts/verification"])
async def test_when_a_mail_is_asked_for(api: Api, path: str) -> None:
    for _ in range(8):
        known, closed, unknown = await told(api, "POST", path, {})
        assert known == closed == unknown
        assert known[0] == 202
        assert "annals-position" not in known[2]


@pytest.mark.parametrize("path", ["/v1/accounts/password-reset", "/v1/accounts/verification"])
async def test_nor_by_a_replay(api: Api, path: str) -> None:
    first = [
        seen(await api.ask("POST", path, {"email": email}, idempotency_key=email))
        for email in (KNOWN, UNKNOWN)
    ]
    again = [
        seen(await api.ask("POST", path, {"email": email}, idempotency_key=email))
        for email in (KNOWN, UNKNOWN)
    ]
    assert first[0] == first[1]
    assert again[0] == again[1]
    assert again[0][2]["idempotent-replayed"] == "true"


async def test_at_registration_where_addresses_have_to_be_verified(strict: Api) -> None:
    known, closed, unknown = await told(strict, "POST", "/v1/accounts", {"password": PASSWORD})
    assert known == closed == unknown
    assert known[:2] == (202, '{"state":"pending"}')
    assert "location" not in known[2]
    assert "annals-position" not in known[2]


async def test_nor_by_a_replay_of_a_registration(strict: Api) -> None:
    async def again(email: str, key: str) -> Any:
        for _ in range(2):
            body = {"email": email, "password": PASSWORD}
            answer = await strict.ask("POST", "/v1/accounts", body, idempotency_key=key)
        return seen(answer)

    for number in range(8):  # more than letters are sent
        known = await again(KNOWN, f"known {number}")
        assert known == await again(f"{number}{UNKNOWN}", f"unknown {number}")
        assert known[2]["idempotent-replayed"] == "true"


async def test_nor_by_signing_in_with_what_one_has_registered_oneself(strict: Api) -> None:
    tried = "another one"
    await told(strict, "POST", "/v1/accounts", {"password": tried})
    for _ in range(8):
        known, closed, unknown = await told(strict, "POST", "/v1/sessions", {"password": tried})
        assert known == closed == unknown


async def test_an_answer_leaves_at_its_time_whatever_there_was_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(even_answers, "QUANTUM", 0.05)
    loop = asyncio.get_running_loop()

    async def refuse() -> Answer:
        raise EmailTaken

    async def work() -> Answer:
        await asyncio.sleep(0.06)
        return Answer(202, headers=((b"annals-position", b"x"), (b"location", b"y")))

    began = loop.time()
    with pytest.raises(EmailTaken):
        await even_answers.evenly(refuse())
    refused = loop.time()
    answer = await even_answers.evenly(work())
    assert refused - began >= 0.049
    assert loop.time() - refused >= 0.099
    assert answer.headers == ((b"location", b"y"),)


async def test_a_busy_machine_does_not_tell_addresses_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hash that takes twice its time, and what there is to record beside it."""
    monkeypatch.setattr(even_answers, "QUANTUM", QUANTUM)
    loop = asyncio.get_running_loop()

    async def after(seconds: float) -> float:
        began = loop.time()
        await even_answers.evenly(asyncio.sleep(seconds, Answer(202)))
        return loop.time() - began

    took = await asyncio.gather(after(0.02), after(0.099), after(0.102), after(0.25))
    assert min(took) >= 0.49


async def test_nobody_is_flooded(api: Api) -> None:
    before = len(await letters_in(api.platform))
    for _ in range(10):
        await api.ask("POST", "/v1/accounts/password-reset", {"email": KNOWN})
    tail = (await api.platform.store.tail()).position
    assert len(await letters_in(api.platform)) - before <= 5
    await api.ask("POST", "/v1/accounts/password-reset", {"email": KNOWN})
    assert (await api.platform.store.tail()).position == tail


async def test_a_mailbox_is_not_flooded_by_its_many_addresses(api: Api) -> None:
    for number in range(8):
        body = {"email": f"eve+{number}@example.org", "password": PASSWORD}
        assert (await api.ask("POST", "/v1/accounts", body)).status_code in (201, 202)
    written = {str(each.to) for each in await letters_in(api.platform)}
    assert len([to for to in written if to.startswith("eve+")]) == 5


async def test_nobody_has_us_write_to_any_number_of_strangers() -> None:
    limit, sent = LetterLimit(Counter()), 0
    for number in range(1_100):
        sent += await limit(f"stranger{number}@example.org", f"203.0.113.{number % 256}")
    assert sent == FROM_ONE_RANGE_IN_ALL.limit
    assert await limit("stranger@example.org", "198.51.100.1")


async def test_what_is_refused_after_a_right_password_is_no_guess(api: Api) -> None:
    token = await signed_in(api, KNOWN)
    body = {"current_password": PASSWORD, "password": "12345678"}
    for _ in range(8):
        answer = await api.ask("POST", "/v1/me/password", body, token=token)
        assert answer.status_code == 422
    assert await signed_in(api, KNOWN)


async def test_guesses_in_a_session_are_guesses(api: Api) -> None:
    token = await signed_in(api, KNOWN)
    body = {"current_password": "wrong one", "password": "battery staple"}
    statuses = [
        (await api.ask("POST", "/v1/me/password", body, token=token)).status_code for _ in range(6)
    ]
    assert statuses == [401] * 5 + [429]
    wanted = {"email": KNOWN, "password": PASSWORD}
    assert (await api.ask("POST", "/v1/sessions", wanted)).status_code == 429


async def test_an_outage_is_no_guess(api: Api) -> None:
    hasher = api.platform.hasher
    api.platform.hasher.down = True
    for _ in range(8):
        answer = await api.ask("POST", "/v1/sessions", {"email": KNOWN, "password": PASSWORD})
        assert answer.status_code == 503
    hasher.down = False
    assert await signed_in(api, KNOWN)


ANONYMOUS = [each for each in OPERATIONS if not each.asks and each.method != "GET"]


@pytest.mark.parametrize("operation", ANONYMOUS, ids=lambda each: each.name)
async def test_nobody_unknown_learns_where_the_log_ends(api: Api, operation: Operation) -> None:
    """By how far it moves one could tell whether something about an address was recorded."""
    path = operation.path.replace("{id}", str(UUID(int=1)))
    body = {"token": "x", "refresh_token": "x", "email": "nobody@example.org", "password": "x"}
    fields = getattr(getattr(operation.body, "type", None), "__struct_fields__", ())
    given = {name: body[name] for name in fields if name in body} or None
    end = {"annals_consistent_after": str(10**15)}
    asked = await api.ask(operation.method, path, given, **end)
    plain = await api.ask(operation.method, path, given)
    assert asked.status_code == plain.status_code
    assert "end of the log" not in asked.text
    assert "annals-position" not in plain.headers
