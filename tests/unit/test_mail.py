"""Letters over ports in memory: what they say, how they are sent, and who reads the outbox."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from adapters.crypto.ids import new_id
from adapters.crypto.tokens import make_api_key
from adapters.egress.mail import tell_written
from adapters.memory.mailer import MemoryMailer
from application.mail import Letter, Mailer, SendMail
from application.unit import Unit
from application.vault import KeyOwner
from domain.accounts import EMAIL, ReserveEmail
from domain.decider import ERASED
from domain.mail import RETRY, MailKind
from domain.recorded import SYSTEM_TENANT
from tests.support.http_platform import PUBLIC_URL, Api, MemoryPlatform
from tests.support.letters import attempt, context, letters_in, post
from tests.support.mailbox import token_in

TOKEN = make_api_key(new_id()).text
UNTIL = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
WITH_TOKEN: dict[str, Any] = {"token": TOKEN, "until": UNTIL}


def sending(mailer: Mailer | None) -> SendMail:
    return SendMail(mailer, tell_written)


@pytest.mark.parametrize("kind", get_args(MailKind))
async def test_every_kind_of_letter_has_its_words(api: Api, kind: MailKind) -> None:
    await post(api.platform, kind, tenant="acme", change="A passkey was added.", **WITH_TOKEN)
    [letter] = await letters_in(api.platform)
    assert (letter.kind, letter.person, letter.to) == (kind, "a1", "ada@example.org")
    assert letter.subject
    assert isinstance(letter.text, str)
    assert "{" not in letter.text
    assert max(len(line) for line in letter.text.splitlines() if TOKEN not in line) < 100


async def test_a_letter_has_a_link_the_token_and_its_end(api: Api) -> None:
    await post(api.platform, "password-reset", **WITH_TOKEN)
    text = str((await letters_in(api.platform))[0].text)
    assert f"\n{PUBLIC_URL}/reset-password?token={TOKEN}\n" in text
    assert token_in(text) == TOKEN
    assert "POST /v1/accounts/password-reset/confirm" in text
    assert "2026-01-02 03:04 UTC" in text


@pytest.mark.parametrize("kind", get_args(MailKind))
async def test_without_a_public_url_no_letter_has_a_link(kind: MailKind) -> None:
    platform = MemoryPlatform(public_url="")
    await post(platform, kind, tenant="acme", change="A passkey was added.", **WITH_TOKEN)
    [letter] = await letters_in(platform)
    assert "http" not in str(letter.text)
    assert "{" not in str(letter.text)


async def test_a_tenants_name_is_no_format(api: Api) -> None:
    await post(api.platform, "invitation", tenant="{token}{0.x}", **WITH_TOKEN)
    [letter] = await letters_in(api.platform)
    assert letter.subject == "You are invited to {token}{0.x}"


async def test_to_an_erased_address_goes_no_letter(api: Api) -> None:
    assert await post(api.platform, "account-closed", to=ERASED) == ""


async def test_an_address_is_its_accounts_or_its_own(api: Api) -> None:
    letters = api.platform.services.letters

    async def person(unit: Unit) -> str:
        return await letters.person(unit, "ada@example.org")

    async def reserve(unit: Unit) -> None:
        hashed = letters.email_hash("ada@example.org")
        at = api.platform.now()
        await unit.decide(EMAIL, hashed, ReserveEmail(account="a1", at=at))

    alone = (await api.platform.pipeline.run(person, context())).result
    assert alone.startswith("address-")
    assert "ada" not in alone
    await api.platform.pipeline.run(reserve, context())
    assert (await api.platform.pipeline.run(person, context())).result == "a1"


async def test_a_letter_is_sent_under_its_own_id(api: Api) -> None:
    mailer = MemoryMailer()
    id_ = await post(api.platform, **WITH_TOKEN)
    sent = await attempt(api.platform, sending(mailer), id_)
    assert sent is not None
    assert sent.state == "sent"
    [letter] = mailer.letters
    assert (letter.id, letter.to) == (id_, "ada@example.org")
    assert await attempt(api.platform, sending(mailer), id_, 2) is None


class Broken:
    """A mailer that is away for a while."""

    patience = 1.0

    def __init__(self, failures: int) -> None:
        self.memory = MemoryMailer()
        self.memory.refuses = 451
        self.left = failures

    async def __call__(self, letter: Letter) -> Any:
        self.memory.refuses = 451 if self.left else 0
        self.left -= 1
        return await self.memory(letter)


async def test_a_server_that_was_away_gets_the_same_letter_later(api: Api) -> None:
    mailer = Broken(failures=2)
    id_ = await post(api.platform, **WITH_TOKEN)
    states = [await attempt(api.platform, sending(mailer), id_, each) for each in (1, 2, 3)]
    assert [each and each.state for each in states] == ["retrying", "retrying", "sent"]
    assert [each.id for each in mailer.memory.letters] == [id_]


async def test_a_dead_letter_is_seen_and_queued_again(api: Api) -> None:
    mailer = MemoryMailer()
    mailer.refuses = 550
    id_ = await post(api.platform, **WITH_TOKEN)
    dead = await attempt(api.platform, sending(mailer), id_)
    assert dead is not None
    assert (dead.state, dead.retry_at) == ("dead", None)
    shown = (await api.owner("GET", f"/v1/outbox/{id_}")).json()
    assert (shown["state"], shown["error"]) == ("dead", "The mail server answered 550.")
    again = await api.owner("POST", f"/v1/outbox/{id_}/requeue")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    mailer.refuses = 0
    assert await attempt(api.platform, sending(mailer), id_) is None  # of the round before
    sent = await attempt(api.platform, sending(mailer), id_, type_="mail.requeued")
    assert sent is not None
    assert sent.state == "sent"
    assert (await api.owner("POST", f"/v1/outbox/{id_}/requeue")).status_code == 409


async def test_attempts_that_were_all_lost_leave_a_dead_letter(api: Api) -> None:
    mailer = MemoryMailer()
    id_ = await post(api.platform, **WITH_TOKEN)
    assert await attempt(api.platform, sending(mailer), id_, RETRY.max_attempts + 1) is None
    assert (await api.owner("GET", f"/v1/outbox/{id_}")).json()["state"] == "dead"
    assert mailer.letters == []


async def test_without_a_server_the_owner_reads_it_in_the_outbox(api: Api) -> None:
    id_ = await post(api.platform, **WITH_TOKEN)
    assert (await api.owner("GET", f"/v1/outbox/{id_}")).json()["text"] is None
    said: list[tuple[str, str]] = []
    await attempt(api.platform, SendMail(None, lambda *told: said.append(told)), id_)
    assert said == [(id_, "verify-address")]
    shown = (await api.owner("GET", f"/v1/outbox/{id_}")).json()
    assert shown["state"] == "written"
    assert token_in(shown["text"]) == TOKEN
    assert (shown["to"], shown["subject"]) == ("ada@example.org", "Confirm your address")


async def test_where_a_server_got_it_nobody_else_reads_it(api: Api) -> None:
    id_ = await post(api.platform, **WITH_TOKEN)
    await attempt(api.platform, sending(MemoryMailer()), id_)
    shown = (await api.owner("GET", f"/v1/outbox/{id_}")).json()
    assert (shown["state"], shown["text"]) == ("sent", None)


async def test_no_history_and_no_event_shows_what_a_letter_says(api: Api) -> None:
    id_ = await post(api.platform, **WITH_TOKEN)
    await attempt(api.platform, sending(None), id_)
    history = await api.owner("GET", f"/v1/outbox/{id_}/history")
    assert [each["type"] for each in history.json()["items"]] == ["mail.queued", "mail.written"]
    events = await api.owner("GET", "/v1/events")
    for answer in (history, events):
        assert answer.status_code == 200
        assert "ada@example.org" in answer.text
        assert TOKEN not in answer.text


async def test_the_outbox_is_the_owners_alone(api: Api) -> None:
    id_ = await post(api.platform, **WITH_TOKEN)
    token = await api.sign_in()
    for method, path in (
        ("GET", "/v1/outbox"),
        ("GET", f"/v1/outbox/{id_}"),
        ("GET", f"/v1/outbox/{id_}/history"),
        ("POST", f"/v1/outbox/{id_}/requeue"),
    ):
        refused = await api.ask(method, path, token=token)
        assert refused.status_code == 403
        assert refused.json()["permission"].startswith("outbox:")
        assert (await api.ask(method, path)).status_code == 401
    for path in ("/v1/outbox/nothing", f"/v1/outbox/{new_id()}"):
        assert (await api.owner("GET", path)).status_code == 404


async def test_an_erased_persons_letter_says_nothing_and_goes_nowhere(api: Api) -> None:
    id_ = await post(api.platform, **WITH_TOKEN)
    await api.platform.vault.destroy(KeyOwner(SYSTEM_TENANT, "person", "a1"))
    api.platform.pipeline.cache.clear()
    mailer = MemoryMailer()
    await attempt(api.platform, sending(mailer), id_)
    assert mailer.letters == []
    shown = (await api.owner("GET", f"/v1/outbox/{id_}")).json()
    assert (shown["to"], shown["subject"], shown["text"]) == (None, None, None)
    assert shown["state"] == "dead"
