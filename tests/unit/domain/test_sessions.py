"""What the sessions' decider decides."""

from datetime import UTC, datetime

from domain.sessions import (
    SESSION,
    EndSession,
    SessionEnded,
    SessionIdTaken,
    SessionStarted,
    StartSession,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
START = StartSession(
    account="a",
    token_hash="t",
    authenticated_at=AT,
    expires_at=AT,
    tenant="acme",
    methods=("pwd", "otp"),
    replaces="s0",
    address=None,
    device="Firefox",
    revocations=2,
    at=AT,
)
STARTED = SessionStarted(
    account="a",
    token_hash="t",
    authenticated_at=AT,
    expires_at=AT,
    tenant="acme",
    methods=("pwd", "otp"),
    replaces="s0",
    device="Firefox",
    revocations=2,
)
END = EndSession(session="s", reason="signed_out", at=AT)
ENDED = SessionEnded(account="a", reason="signed_out")


def test_a_session_starts() -> None:
    given(SESSION).when(START).then(STARTED)


def test_a_session_starts_once() -> None:
    given(SESSION, STARTED).when(START).refused(SessionIdTaken)


def test_a_session_ends_once() -> None:
    given(SESSION, STARTED).when(END).then(ENDED)
    given(SESSION, STARTED, ENDED).when(END).then()


def test_what_never_started_cannot_end() -> None:
    given(SESSION).when(END).then()
