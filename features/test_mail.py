"""Steps of the mail feature."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import PATIENCE, Annals, User
from tests.support.mailbox import Mailbox, token_in
from tests.support.platform import Platform
from tests.support.services import Services

scenarios("mail.feature")

SUBJECT = "Confirm your address"


@dataclass
class Elsewhere:
    """A platform of the scenario's own."""

    platform: Platform
    annals: Annals
    user: User = field(default_factory=lambda: User("ada@example.org", "correct horse battery"))


@pytest.fixture
def elsewhere(tmp_path: Path, services: Services) -> Iterator[Elsewhere]:
    database = services.new_database()
    platform = Platform(tmp_path / "data", DATABASE_URL=database, REDIS_URL=services.redis_url)
    platform.start()
    annals = platform.driver()
    yield Elsewhere(platform, annals)
    annals.close()
    platform.stop()
    services.drop_database(database)


def mail_in(annals: Annals, person: str, state: str) -> dict[str, Any]:
    """The newest letter to a person, as soon as it is in a state."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = annals.as_owner("GET", f"/v1/outbox?person={person}&state={state}").json()["items"]
        if found:
            return dict(found[0])
        assert time.monotonic() < deadline, f"no letter to {person} is {state}"
        time.sleep(0.02)


@given("a person who wants to register")
def _(annals: Annals, world: World) -> None:
    world.user = User(f"{annals.unique('reader')}@example.org", "correct horse battery staple")


@when("they register")
@when("a person registers")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    answer = annals.sign_up(world.user)
    assert answer.status_code == 201, answer.text
    world.user.account = answer.json()["id"]


@then("a letter with a token comes to their address")
def _(world: World, mailbox: Mailbox) -> None:
    assert world.user is not None
    assert mailbox.token(world.user.email, SUBJECT)


@then("the owner sees that it was sent, but not what it says")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    mail = mail_in(annals, world.user.account, "sent")
    assert (mail["kind"], mail["to"], mail["subject"], mail["text"]) == (
        "verify-address",
        world.user.email,
        SUBJECT,
        None,
    )


@given("a mail server that takes nothing for now")
def _(annals: Annals, world: World, mailbox: Mailbox) -> Iterator[None]:
    world.user = User(f"{annals.unique('patient')}@example.org", "correct horse battery staple")
    mailbox.refuse(world.user.email, "451 later")
    yield
    mailbox.take(world.user.email)


@then("the same letter comes once the server takes letters again")
def _(annals: Annals, world: World, mailbox: Mailbox) -> None:
    assert world.user is not None
    waiting = mail_in(annals, world.user.account, "retrying")
    assert (waiting["attempts"] > 0, waiting["error"]) == (True, "The mail server answered 451.")
    mailbox.take(world.user.email)
    message = mailbox.find(lambda each: each["To"] == world.user.email)  # type: ignore[union-attr]
    assert str(message["Message-ID"]).startswith(f"<{waiting['id']}@")
    assert mail_in(annals, world.user.account, "sent")["attempts"] > 1


@given("a platform without a mail server")
def _(elsewhere: Elsewhere) -> None:
    assert "SMTP_URL" not in elsewhere.platform.env


@when("a person registers there")
def _(elsewhere: Elsewhere) -> None:
    answer = elsewhere.annals.sign_up(elsewhere.user)
    assert answer.status_code == 201, answer.text
    elsewhere.user.account = answer.json()["id"]


@then("the owner reads the token in the outbox")
def _(elsewhere: Elsewhere) -> None:
    mail = mail_in(elsewhere.annals, elsewhere.user.account, "written")
    assert mail["to"] == elsewhere.user.email
    assert token_in(mail["text"])


@then("the platform's log tells of the letter, but not what it says")
def _(elsewhere: Elsewhere) -> None:
    mail = mail_in(elsewhere.annals, elsewhere.user.account, "written")
    log = elsewhere.platform.log.read_text()
    [line] = [each for each in log.splitlines() if "mail_written" in each]
    assert mail["id"] in line
    assert token_in(mail["text"]) not in log
    assert elsewhere.user.email not in log


@then("nobody else reads the outbox")
def _(elsewhere: Elsewhere) -> None:
    annals, user = elsewhere.annals, elsewhere.user
    assert annals.sign_in(user).status_code == 201
    refused = annals.request("GET", "/v1/outbox", token=user.token)
    assert (refused.status_code, refused.json()["permission"]) == (403, "outbox:read")
