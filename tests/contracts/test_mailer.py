"""Every `Mailer` keeps the contract: a real mail server on loopback, and one in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import pytest

from adapters.egress.mail import SmtpMailer
from adapters.memory.mailer import MemoryMailer
from adapters.settings_values import mail_server
from application.executor import Failed, Succeeded
from application.mail import Letter, Mailer
from tests.support.mailbox import PASSWORD, USER, Mailbox

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ID = "01a1fe4f-9165-7e05-9b7c-9ad1013e6990"


def letter(to: str = "ada@example.org", subject: str = "Tea", text: str = "It is ready.") -> Letter:
    return Letter(id=ID, to=to, subject=subject, text=text, at=NOW)


@dataclass
class Arrived:
    """A letter at the other end."""

    id: str
    to: str
    subject: str
    text: str


class Post(Protocol):
    """A mailer and what arrives at its other end."""

    mailer: Mailer

    def arrived(self) -> list[Arrived]: ...

    def refuse(self, answer: str) -> None: ...


class SmtpPost:
    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.mailer: Mailer = SmtpMailer(mail_server(mailbox.url), "annals@example.org")

    def arrived(self) -> list[Arrived]:
        return [
            Arrived(each["Message-ID"], to, each["Subject"], each.get_content().rstrip("\r\n"))
            for each, to in zip(self.mailbox.messages, self.mailbox.recipients, strict=True)
        ]

    def refuse(self, answer: str) -> None:
        self.mailbox.answer = answer


class MemoryPost:
    def __init__(self) -> None:
        self.memory = MemoryMailer()
        self.mailer: Mailer = self.memory

    def arrived(self) -> list[Arrived]:
        return [
            Arrived(f"<{each.id}@example.org>", each.to, each.subject, each.text)
            for each in self.memory.letters
        ]

    def refuse(self, answer: str) -> None:
        self.memory.refuses = int(answer[:3])


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


@pytest.fixture(params=["smtp", "memory"])
def post(request: pytest.FixtureRequest) -> Post:
    if request.param == "memory":
        return MemoryPost()
    return SmtpPost(request.getfixturevalue("mailbox"))


async def test_a_letter_arrives_under_its_own_id_at_every_attempt(post: Post) -> None:
    assert await post.mailer(letter()) == Succeeded()
    assert await post.mailer(letter()) == Succeeded()
    once = Arrived(f"<{ID}@example.org>", "ada@example.org", "Tea", "It is ready.")
    assert post.arrived() == [once, once]


async def test_a_subject_is_one_line_and_names_nobody_else(post: Post) -> None:
    sent = letter(subject="Tea\r\nBcc: eve@example.org")
    assert await post.mailer(sent) == Succeeded()
    [arrived] = post.arrived()
    assert arrived.subject == "Tea Bcc: eve@example.org"


@pytest.mark.parametrize(
    ("answer", "status", "retryable"), [("550 unknown", 550, False), ("451 later", 451, True)]
)
async def test_a_refused_recipient(
    post: Post, answer: str, status: int, *, retryable: bool
) -> None:
    post.refuse(answer)
    refused = await post.mailer(letter())
    assert isinstance(refused, Failed)
    assert (refused.status, refused.retryable) == (status, retryable)
    assert "ada" not in refused.detail
    assert post.arrived() == []


@pytest.mark.parametrize(
    "to", ["ada@example.org\nBcc: eve@x.org", "ada", "ada@", "@", "", "a\x00b@x.org", "ada@x>y"]
)
async def test_what_is_no_address_is_not_tried_again(post: Post, to: str) -> None:
    refused = await post.mailer(letter(to=to))
    assert isinstance(refused, Failed)
    assert (refused.kind, refused.retryable) == ("invalid", False)
    assert post.arrived() == []


@pytest.mark.parametrize("to", ["eve,ada@example.org", "ada <eve@example.org", '"ada"@example.org'])
async def test_an_address_is_one_address_whatever_is_in_it(mailbox: Mailbox, to: str) -> None:
    post = SmtpPost(mailbox)
    assert isinstance(await post.mailer(letter(to=to)), Succeeded | Failed)
    for arrived in post.arrived():
        local = arrived.to.rpartition("@")[0]
        assert local.startswith('"'), arrived.to
        assert local.endswith('"'), arrived.to


async def test_an_address_in_another_script_arrives(mailbox: Mailbox) -> None:
    post = SmtpPost(mailbox)
    assert await post.mailer(letter(to="ädä@bücher.example")) == Succeeded()
    assert post.arrived()[0].to == "ädä@xn--bcher-kva.example"


async def test_a_message_asks_for_no_automatic_answer(mailbox: Mailbox) -> None:
    await SmtpPost(mailbox).mailer(letter())
    [message] = mailbox.messages
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "annals@example.org"
    assert message["Date"].datetime == NOW


async def test_we_sign_in_where_the_server_wants_it(mailbox: Mailbox) -> None:
    for password, taken in ((PASSWORD, True), ("guess", False)):
        url = f"smtp://{USER}:{password}@127.0.0.1:{mailbox.port}?tls=none"
        answer = await SmtpMailer(mail_server(url), "annals@example.org")(letter())
        assert isinstance(answer, Succeeded) == taken
        assert taken or (isinstance(answer, Failed) and answer.retryable)
    assert len(mailbox.messages) == 1


async def test_a_server_that_speaks_no_tls_is_told_nothing(mailbox: Mailbox) -> None:
    url = f"smtp://{USER}:{PASSWORD}@127.0.0.1:{mailbox.port}"
    assert isinstance(await SmtpMailer(mail_server(url), "annals@example.org")(letter()), Failed)
    assert mailbox.messages == []


async def test_a_server_that_is_away_is_tried_again() -> None:
    mailbox = Mailbox()
    post = SmtpPost(mailbox)
    mailbox.close()
    away = await post.mailer(letter())
    assert isinstance(away, Failed)
    assert (away.kind, away.retryable) == ("connect", True)
