"""Mail to people: a letter that was queued, until it is sent, written down or given up.

A mail is complete in itself: whatever becomes of the account afterwards, it says what was to be
said when it was queued. Its words are sealed under the key of the person whom it goes to, so that
they are erased together with everything else about that person.
"""

from datetime import datetime, timedelta
from typing import Literal, assert_never

import msgspec

from domain.decider import Command, Decider, Erased, Event, Personal, Private
from domain.rejections import Conflict, NotFound
from domain.retries import RetryPolicy, backoff

MailKind = Literal[
    "verify-address",
    "password-reset",
    "password-changed",
    "email-change",
    "email-changed",
    "account-exists",
    "account-closed",
    "account-erased",
    "invitation",
    "second-factor-changed",
    "tokens-reused",
]
"""What a letter is about."""

RETRY = RetryPolicy(max_attempts=24, base=2.0, cap=3600.0)
"""A mail server that is down for some hours loses nothing: with jitter they take six or seven."""


class MailQueued(Event, frozen=True, kw_only=True, tag="mail.queued"):
    """A letter is to go to a person; `text` may hold a token that opens something.

    `person` is the id of an account, or `address-` and the keyed hash of an address that has none,
    or the letter's own id: it outlives the key of who was erased, and has one for itself.
    """

    PERSON = "person"

    person: str
    kind: MailKind
    to: Personal
    subject: Personal
    text: Private


class MailSent(Event, frozen=True, kw_only=True, tag="mail.sent"):
    """The mail server has taken it."""

    attempt: int


class MailWritten(Event, frozen=True, kw_only=True, tag="mail.written"):
    """There is no mail server, so it stays in the outbox, where it can be read."""


class MailFailed(Event, frozen=True, kw_only=True, tag="mail.failed"):
    """An attempt has failed; the next one comes at `retry_at`, or none does: a dead letter."""

    attempt: int
    error: str
    status: int | None
    retry_at: datetime | None


class MailRequeued(Event, frozen=True, kw_only=True, tag="mail.requeued"):
    """A dead letter is tried again; `round` counts how often it has been queued."""

    round: int


MailEvent = MailQueued | MailSent | MailWritten | MailFailed | MailRequeued


class QueueMail(Command, frozen=True, kw_only=True):
    """Queue a letter."""

    person: str
    kind: MailKind
    to: str
    subject: str
    text: str
    at: datetime


class ConfirmMail(Command, frozen=True, kw_only=True):
    """Record that an attempt ended well; `written`: in the outbox, for want of a server."""

    attempt: int
    written: bool
    at: datetime


class FailMail(Command, frozen=True, kw_only=True):
    """Record that an attempt has failed; see `domain.retries` for the last fields."""

    attempt: int
    error: str
    status: int | None
    retryable: bool
    chance: float
    at: datetime


class RequeueMail(Command, frozen=True, kw_only=True):
    """Try a dead letter again."""

    mail: str
    at: datetime


MailCommand = QueueMail | ConfirmMail | FailMail | RequeueMail


class NoMail(msgspec.Struct, frozen=True):
    """Nothing was queued."""


MailState = Literal["queued", "retrying", "sent", "written", "dead"]


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A letter and how far it has come."""

    person: str
    kind: MailKind
    to: str | Erased
    subject: str | Erased
    text: str | Erased
    state: MailState = "queued"
    round: int = 1
    attempts: int = 0
    error: str | None = None
    retry_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether it is still to be sent."""
        return self.state in {"queued", "retrying"}


class NoSuchMail(NotFound):
    """No mail was queued under this id."""

    slug = "no-such-mail"
    title = "There is no such mail"


class MailIdTaken(Conflict):
    """The new mail's id is in use."""

    slug = "mail-id-taken"
    title = "This mail exists"


class MailNotDead(Conflict):
    """Only a dead letter can be queued again."""

    slug = "mail-not-dead"
    title = "This mail is not a dead letter"


def decide(mail: NoMail | Mail, command: MailCommand) -> list[MailEvent]:
    """Answer a command with the events it causes."""
    if isinstance(command, QueueMail):
        return _queue(mail, command)
    if isinstance(mail, NoMail):
        raise NoSuchMail
    match command:
        case ConfirmMail():
            return _confirm(mail, command)
        case FailMail():
            return _fail(mail, command)
        case RequeueMail():
            return _requeue(mail)
        case _:
            assert_never(command)


def _queue(mail: NoMail | Mail, command: QueueMail) -> list[MailEvent]:
    if isinstance(mail, Mail):
        raise MailIdTaken
    return [
        MailQueued(
            person=command.person,
            kind=command.kind,
            to=command.to,
            subject=command.subject,
            text=command.text,
        )
    ]


def _confirm(mail: Mail, command: ConfirmMail) -> list[MailEvent]:
    if not mail.waits:
        return []
    return [MailWritten() if command.written else MailSent(attempt=command.attempt)]


def _fail(mail: Mail, command: FailMail) -> list[MailEvent]:
    if not mail.waits:
        return []
    retry_at = None
    if command.retryable and command.attempt < RETRY.max_attempts:
        pause = backoff(RETRY, command.attempt, command.chance)
        retry_at = command.at + timedelta(seconds=pause)
    return [
        MailFailed(
            attempt=command.attempt, error=command.error, status=command.status, retry_at=retry_at
        )
    ]


def _requeue(mail: Mail) -> list[MailEvent]:
    if mail.state == "queued":
        return []
    if mail.state != "dead":
        raise MailNotDead(f"The mail is {mail.state}.", state=mail.state)
    return [MailRequeued(round=mail.round + 1)]


def evolve(mail: NoMail | Mail, event: MailEvent) -> NoMail | Mail:
    """The mail after an event."""
    if isinstance(event, MailQueued):
        return Mail(
            person=event.person,
            kind=event.kind,
            to=event.to,
            subject=event.subject,
            text=event.text,
        )
    if isinstance(mail, NoMail):
        return mail
    change, tried = msgspec.structs.replace, mail.attempts + 1
    match event:
        case MailSent():
            return change(mail, state="sent", attempts=tried, error=None, retry_at=None)
        case MailWritten():
            return change(mail, state="written", attempts=tried, error=None, retry_at=None)
        case MailFailed():
            state = "dead" if event.retry_at is None else "retrying"
            told = {"error": event.error, "retry_at": event.retry_at}
            return change(mail, state=state, attempts=tried, **told)
        case MailRequeued():
            return change(mail, state="queued", round=event.round, retry_at=None)
        case _:
            assert_never(event)


MAIL: Decider[NoMail | Mail, MailCommand, MailEvent] = Decider(
    category="mail",
    events=MailEvent,
    initial=NoMail(),
    decide=decide,
    evolve=evolve,
    system=True,
)
