"""What the accounts' deciders decide."""

from datetime import UTC, datetime

from domain.accounts import (
    ACCOUNT,
    EMAIL,
    AccountLockedOut,
    AccountRegistered,
    AccountSessionsRevoked,
    AccountSignInsFailed,
    EmailReserved,
    EmailTaken,
    LockOut,
    NoSuchAccount,
    RecordFailedSignIns,
    RegisterAccount,
    ReserveEmail,
    RevokeSessions,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
REGISTERED = AccountRegistered(email="ada@example.org", password_hash="h")
REGISTER = RegisterAccount(email="ada@example.org", password_hash="h", at=AT)


def test_a_person_registers() -> None:
    given(ACCOUNT).when(REGISTER).then(REGISTERED)


def test_an_account_is_registered_once() -> None:
    given(ACCOUNT, REGISTERED).when(REGISTER).refused(EmailTaken)


def test_an_address_is_reserved_once() -> None:
    given(EMAIL).when(ReserveEmail(account="a", at=AT)).then(EmailReserved(account="a"))
    given(EMAIL, EmailReserved(account="a")).when(ReserveEmail(account="b", at=AT)).refused(
        EmailTaken
    )


def test_all_sessions_are_revoked_as_often_as_asked() -> None:
    revoke = RevokeSessions(reason="role_changed", at=AT)
    revoked = AccountSessionsRevoked(reason="role_changed")
    given(ACCOUNT, REGISTERED).when(revoke).then(revoked)
    given(ACCOUNT, REGISTERED, revoked).when(revoke).then(revoked)


def test_nobody_has_no_sessions_to_revoke() -> None:
    given(ACCOUNT).when(RevokeSessions(reason="role_changed", at=AT)).refused(NoSuchAccount)


def test_failures_of_a_minute_are_one_event() -> None:
    record = RecordFailedSignIns(minute=AT, count=7, at=AT)
    given(ACCOUNT, REGISTERED).when(record).then(AccountSignInsFailed(minute=AT, count=7))


def test_the_onset_of_a_lock_out_is_an_event() -> None:
    given(ACCOUNT, REGISTERED).when(LockOut(until=AT, at=AT)).then(AccountLockedOut(until=AT))


def test_attacks_on_unknown_accounts_leave_no_trace() -> None:
    given(ACCOUNT).when(LockOut(until=AT, at=AT)).then()
    given(ACCOUNT).when(RecordFailedSignIns(minute=AT, count=7, at=AT)).then()
