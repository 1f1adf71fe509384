"""What a letter's stream decides."""

from datetime import UTC, datetime, timedelta

from hypothesis import given as forall
from hypothesis import strategies as st

from domain.mail import (
    MAIL,
    RETRY,
    ConfirmMail,
    FailMail,
    Mail,
    MailEvent,
    MailFailed,
    MailIdTaken,
    MailNotDead,
    MailQueued,
    MailRequeued,
    MailSent,
    MailWritten,
    NoSuchMail,
    QueueMail,
    RequeueMail,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
SAID = {"to": "ada@example.org", "subject": "Hello", "text": "t"}
QUEUED = MailQueued(person="a1", kind="verify-address", **SAID)
QUEUE = QueueMail(person="a1", kind="verify-address", at=AT, **SAID)
DEAD = MailFailed(attempt=1, error="no", status=550, retry_at=None)
REQUEUE = RequeueMail(mail="m", at=AT)


def confirm(attempt: int = 1, *, written: bool = False) -> ConfirmMail:
    return ConfirmMail(attempt=attempt, written=written, at=AT)


def fail(attempt: int = 1, *, retryable: bool = True) -> FailMail:
    return FailMail(attempt=attempt, error="no", status=451, retryable=retryable, chance=0.5, at=AT)


def test_a_letter_is_queued_once() -> None:
    given(MAIL).when(QUEUE).then(QUEUED)
    given(MAIL, QUEUED).when(QUEUE).refused(MailIdTaken)


def test_a_letter_is_sent_or_written_down() -> None:
    given(MAIL, QUEUED).when(confirm(3)).then(MailSent(attempt=3))
    given(MAIL, QUEUED).when(confirm(written=True)).then(MailWritten())


def test_what_came_out_first_stays() -> None:
    for end in (MailSent(attempt=1), MailWritten(), DEAD):
        given(MAIL, QUEUED, end).when(confirm(2)).then()
        given(MAIL, QUEUED, end).when(fail(2)).then()


def test_a_failure_is_tried_again_later_and_later() -> None:
    first = MailFailed(attempt=1, error="no", status=451, retry_at=AT + timedelta(seconds=1))
    given(MAIL, QUEUED).when(fail(1)).then(first)
    fourth = MailFailed(attempt=4, error="no", status=451, retry_at=AT + timedelta(seconds=8))
    given(MAIL, QUEUED, first).when(fail(4)).then(fourth)


def test_what_is_refused_for_good_or_too_often_is_a_dead_letter() -> None:
    dead = MailFailed(attempt=1, error="no", status=451, retry_at=None)
    given(MAIL, QUEUED).when(fail(1, retryable=False)).then(dead)
    last = RETRY.max_attempts
    dead = MailFailed(attempt=last, error="no", status=451, retry_at=None)
    given(MAIL, QUEUED).when(fail(last)).then(dead)


def test_only_a_dead_letter_is_queued_again() -> None:
    given(MAIL, QUEUED, DEAD).when(REQUEUE).then(MailRequeued(round=2))
    given(MAIL, QUEUED, DEAD, MailRequeued(round=2)).when(REQUEUE).then()
    given(MAIL, QUEUED, MailSent(attempt=1)).when(REQUEUE).refused(MailNotDead)
    for command in (REQUEUE, confirm(), fail()):
        given(MAIL).when(command).refused(NoSuchMail)


EVENTS: st.SearchStrategy[MailEvent] = st.sampled_from(
    [
        QUEUED,
        MailSent(attempt=1),
        MailWritten(),
        DEAD,
        MailFailed(attempt=2, error="no", status=None, retry_at=AT),
        MailRequeued(round=2),
    ]
)


@forall(st.lists(EVENTS))
def test_any_events_in_any_order_fold(events: list[MailEvent]) -> None:
    mail = MAIL.fold(events)
    assert isinstance(mail, Mail) == (QUEUED in events)
    if isinstance(mail, Mail) and mail.waits:
        after = MAIL.fold(MAIL.decide(mail, confirm()), mail)
        assert isinstance(after, Mail)
        assert after.state == "sent"
