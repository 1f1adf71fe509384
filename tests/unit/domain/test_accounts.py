"""What the accounts' deciders decide."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    AccountClosed,
    AccountEvent,
    AccountIsClosed,
    AccountLockedOut,
    AccountLockoutLifted,
    AccountRegistered,
    AccountReopened,
    AccountSessionsRevoked,
    AccountSignInsFailed,
    AccountVerified,
    AskEmailChange,
    AskPasswordReset,
    AskVerification,
    ChangeEmail,
    ChangePassword,
    CloseAccount,
    ClosedAccount,
    DropPassword,
    EmailChangeAsked,
    EmailChanged,
    EmailReleased,
    EmailReservation,
    EmailReserved,
    EmailTaken,
    LiftLockout,
    LockOut,
    NoSuchAccount,
    NoteKey,
    PasswordChanged,
    PasswordDropped,
    PasswordRehashed,
    PasswordResetAsked,
    RecordFailedSignIns,
    RegisterAccount,
    RehashPassword,
    ReleaseEmail,
    ReopenAccount,
    ReserveEmail,
    ResetPassword,
    RevokeSessions,
    TooManyUnprovenKeys,
    UnprovenKeyMade,
    VerificationAsked,
    VerifyAddress,
    WrongToken,
)
from domain.accounts.decider import MOST_UNPROVEN_KEYS
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
REGISTERED = AccountRegistered(email="ada@example.org", password_hash="h")
REGISTER = RegisterAccount(email="ada@example.org", password_hash="h", at=AT)
RESET_ASKED = PasswordResetAsked(token_hash="t", expires_at=LATER)
VERIFICATION_ASKED = VerificationAsked(token_hash="t", expires_at=LATER)
CHANGE_ASKED = EmailChangeAsked(email="ada@example.com", token_hash="t", expires_at=LATER)
CHANGED = PasswordChanged(password_hash="n", forgotten=False)
FORGOTTEN = PasswordChanged(password_hash="n", forgotten=True)


def test_a_person_registers() -> None:
    given(ACCOUNT).when(REGISTER).then(REGISTERED)


def test_an_account_is_registered_once() -> None:
    given(ACCOUNT, REGISTERED).when(REGISTER).refused(EmailTaken)
    given(ACCOUNT, REGISTERED, AccountClosed()).when(REGISTER).refused(EmailTaken)


def test_who_registers_an_unverified_address_again_voids_its_password_and_letters() -> None:
    drop = DropPassword(at=AT)
    given(ACCOUNT, REGISTERED, VERIFICATION_ASKED).when(drop).then(PasswordDropped())
    given(ACCOUNT, REGISTERED, PasswordDropped()).when(drop).then()
    given(ACCOUNT, REGISTERED, AccountVerified()).when(drop).refused(EmailTaken)
    verify = VerifyAddress(token_hash="t", at=AT)
    given(ACCOUNT, REGISTERED, VERIFICATION_ASKED, PasswordDropped()).when(verify).refused(
        WrongToken
    )


def test_an_address_is_reserved_once() -> None:
    given(EMAIL).when(ReserveEmail(account="a", at=AT)).then(EmailReserved(account="a"))
    given(EMAIL, EmailReserved(account="a")).when(ReserveEmail(account="b", at=AT)).refused(
        EmailTaken
    )


def test_an_address_is_released_by_whose_it_is() -> None:
    reserved = EmailReserved(account="a")
    given(EMAIL, reserved).when(ReleaseEmail(account="b", at=AT)).then()
    given(EMAIL, reserved).when(ReleaseEmail(account="a", at=AT)).then(EmailReleased())
    given(EMAIL, reserved, EmailReleased()).when(ReserveEmail(account="b", at=AT)).then(
        EmailReserved(account="b")
    )


def test_an_address_is_verified_by_the_token_that_was_sent_there() -> None:
    ask = AskVerification(token_hash="t", expires_at=LATER, at=AT)
    given(ACCOUNT, REGISTERED).when(ask).then(VERIFICATION_ASKED)
    given(ACCOUNT, REGISTERED, VERIFICATION_ASKED).when(VerifyAddress(token_hash="t", at=AT)).then(
        AccountVerified()
    )


def test_what_is_verified_needs_no_token() -> None:
    ask = AskVerification(token_hash="t", expires_at=LATER, at=AT)
    given(ACCOUNT, REGISTERED, AccountVerified()).when(ask).then()


def test_a_forgotten_password_is_replaced_by_a_token_and_all_sessions_end() -> None:
    ask = AskPasswordReset(token_hash="t", expires_at=LATER, at=AT)
    given(ACCOUNT, REGISTERED, AccountVerified()).when(ask).then(RESET_ASKED)
    given(ACCOUNT, REGISTERED, AccountVerified(), RESET_ASKED).when(
        ResetPassword(token_hash="t", password_hash="n", at=AT)
    ).then(FORGOTTEN, AccountSessionsRevoked(reason="password_reset"))


def test_who_resets_by_mail_has_shown_that_the_address_is_theirs() -> None:
    given(ACCOUNT, REGISTERED, RESET_ASKED).when(
        ResetPassword(token_hash="t", password_hash="n", at=AT)
    ).then(AccountVerified(), FORGOTTEN, AccountSessionsRevoked(reason="password_reset"))


TOKENS: list[tuple[Any, Any, Any]] = [
    (VERIFICATION_ASKED, VerifyAddress, AccountVerified()),
    (
        RESET_ASKED,
        lambda **given: ResetPassword(password_hash="n", **given),
        FORGOTTEN,
    ),
    (CHANGE_ASKED, ChangeEmail, EmailChanged(email="ada@example.com")),
]


@pytest.mark.parametrize(("asked", "use", "used"), TOKENS)
def test_a_wrong_used_late_or_void_token_opens_nothing(asked: Any, use: Any, used: Any) -> None:
    right = use(token_hash="t", at=AT)
    given(ACCOUNT).when(right).refused(WrongToken)
    given(ACCOUNT, REGISTERED).when(right).refused(WrongToken)
    given(ACCOUNT, REGISTERED, asked).when(use(token_hash="u", at=AT)).refused(WrongToken)
    given(ACCOUNT, REGISTERED, asked).when(use(token_hash="t", at=LATER)).refused(WrongToken)
    given(ACCOUNT, REGISTERED, asked, used).when(right).refused(WrongToken)
    given(ACCOUNT, REGISTERED, asked, AccountClosed()).when(right).refused(WrongToken)
    given(ACCOUNT, REGISTERED, asked, AccountClosed(), AccountReopened()).when(right).refused(
        WrongToken
    )


def test_tokens_do_not_open_what_they_were_not_sent_for() -> None:
    for asked, _, _ in TOKENS:
        for other, use, _ in TOKENS:
            if other is not asked:
                given(ACCOUNT, REGISTERED, asked).when(use(token_hash="t", at=AT)).refused(
                    WrongToken
                )


def test_of_several_mails_on_their_way_the_last_five_open() -> None:
    asked = [PasswordResetAsked(token_hash=f"t{n}", expires_at=LATER) for n in range(6)]
    reset = ResetPassword(token_hash="t0", password_hash="n", at=AT)
    given(ACCOUNT, REGISTERED, AccountVerified(), *asked).when(reset).refused(WrongToken)
    given(ACCOUNT, REGISTERED, AccountVerified(), *asked[:5]).when(reset).then(
        FORGOTTEN, AccountSessionsRevoked(reason="password_reset")
    )


def test_a_new_address_is_proven_and_voids_what_was_sent_to_the_old_one() -> None:
    ask = AskEmailChange(email="ada@example.com", token_hash="t", expires_at=LATER, at=AT)
    changed = EmailChanged(email="ada@example.com")
    given(ACCOUNT, REGISTERED).when(ask).then(CHANGE_ASKED)
    given(ACCOUNT, REGISTERED, RESET_ASKED, CHANGE_ASKED).when(
        ChangeEmail(token_hash="t", at=AT)
    ).then(changed)
    given(ACCOUNT, REGISTERED, RESET_ASKED, CHANGE_ASKED, changed).when(
        ResetPassword(token_hash="t", password_hash="n", at=AT)
    ).refused(WrongToken)


def test_a_changed_password_ends_the_sessions() -> None:
    given(ACCOUNT, REGISTERED).when(ChangePassword(password_hash="n", at=AT)).then(
        CHANGED, AccountSessionsRevoked(reason="password_changed")
    )


def test_another_hash_of_the_same_password_ends_no_session() -> None:
    rehash = RehashPassword(replaces="h", password_hash="h2", at=AT)
    given(ACCOUNT, REGISTERED).when(rehash).then(PasswordRehashed(password_hash="h2"))
    given(ACCOUNT, REGISTERED, CHANGED).when(rehash).then()


def test_another_hash_is_no_other_password() -> None:
    rehashed = ACCOUNT.fold([REGISTERED, PasswordRehashed(password_hash="h2")])
    changed = ACCOUNT.fold([REGISTERED, CHANGED])
    assert isinstance(rehashed, Account)
    assert isinstance(changed, Account)
    assert (rehashed.passwords, changed.passwords) == (1, 2)


def test_an_account_is_closed_once_and_its_sessions_end() -> None:
    close = CloseAccount(at=AT)
    given(ACCOUNT).when(close).refused(NoSuchAccount)
    given(ACCOUNT, REGISTERED).when(close).then(
        AccountClosed(), AccountSessionsRevoked(reason="closed")
    )
    given(ACCOUNT, REGISTERED, AccountClosed()).when(close).then()


def test_a_closed_account_is_reopened_as_it_was() -> None:
    reopen = ReopenAccount(at=AT)
    given(ACCOUNT).when(reopen).refused(NoSuchAccount)
    given(ACCOUNT, REGISTERED).when(reopen).then()
    given(ACCOUNT, REGISTERED, AccountClosed()).when(reopen).then(AccountReopened())
    before = [REGISTERED, AccountVerified(), CHANGED]
    assert ACCOUNT.fold([*before, AccountClosed(), AccountReopened()]) == ACCOUNT.fold(before)


@pytest.mark.parametrize(
    "command",
    [
        ChangePassword(password_hash="n", at=AT),
        AskPasswordReset(token_hash="t", expires_at=LATER, at=AT),
        AskVerification(token_hash="t", expires_at=LATER, at=AT),
        AskEmailChange(email="e", token_hash="t", expires_at=LATER, at=AT),
        RehashPassword(replaces="h", password_hash="n", at=AT),
    ],
)
def test_nothing_changes_while_it_is_closed_or_before_it_exists(command: Any) -> None:
    given(ACCOUNT).when(command).refused(NoSuchAccount)
    given(ACCOUNT, REGISTERED, AccountClosed()).when(command).refused(AccountIsClosed)


def test_sessions_are_revoked() -> None:
    revoke = RevokeSessions(reason="role_changed", at=AT)
    revoked = AccountSessionsRevoked(reason="role_changed")
    given(ACCOUNT, REGISTERED).when(revoke).then(revoked)
    given(ACCOUNT, REGISTERED, AccountClosed()).when(revoke).then()


def test_a_session_counts_until_all_are_ended_that_began_before() -> None:
    all_, others = AccountSessionsRevoked(reason="r"), AccountSessionsRevoked(reason="r", kept="s")

    def counts(*history: AccountEvent) -> bool:
        account = ACCOUNT.fold((REGISTERED, *history))
        assert isinstance(account, Account)
        return account.counts("s", 0)

    assert counts()
    assert counts(others)
    assert not counts(all_)
    assert not counts(others, all_)
    assert not counts(AccountClosed(), all_, AccountReopened())


def test_keys_are_remembered_until_the_address_is_proved() -> None:
    note, noted = NoteKey(key="k", at=AT), UnprovenKeyMade(key="k")
    given(ACCOUNT, REGISTERED).when(note).then(noted)
    given(ACCOUNT, REGISTERED, AccountVerified()).when(note).then()
    for proof in (AccountVerified(), EmailChanged(email="ada@example.com")):
        before, after = ACCOUNT.fold((REGISTERED, noted)), ACCOUNT.fold((REGISTERED, noted, proof))
        assert isinstance(before, Account)
        assert isinstance(after, Account)
        assert (before.unproven_keys, after.unproven_keys) == (("k",), ())


def test_only_so_many_keys_are_made_before() -> None:
    noted = [UnprovenKeyMade(key=str(number)) for number in range(MOST_UNPROVEN_KEYS)]
    note = NoteKey(key="k", at=AT)
    given(ACCOUNT, REGISTERED, *noted).when(note).refused(TooManyUnprovenKeys)
    given(ACCOUNT, REGISTERED, *noted, AccountVerified()).when(note).then()


def test_nobodys_sessions_are_not() -> None:
    given(ACCOUNT).when(RevokeSessions(reason="role_changed", at=AT)).refused(NoSuchAccount)


def test_failures_of_a_minute_are_one_event() -> None:
    record = RecordFailedSignIns(minute=AT, count=7, at=AT)
    given(ACCOUNT, REGISTERED).when(record).then(AccountSignInsFailed(minute=AT, count=7))


def test_the_onset_of_a_lock_out_is_an_event() -> None:
    given(ACCOUNT, REGISTERED).when(LockOut(until=AT, everywhere=True, at=AT)).then(
        AccountLockedOut(until=AT, everywhere=True)
    )


def test_attacks_on_unknown_or_closed_accounts_leave_no_trace() -> None:
    lock, record = LockOut(until=AT, at=AT), RecordFailedSignIns(minute=AT, count=7, at=AT)
    for command in (lock, record):
        given(ACCOUNT).when(command).then()
        given(ACCOUNT, REGISTERED, AccountClosed()).when(command).then()


LOCKED = AccountLockedOut(until=AT + timedelta(hours=1), everywhere=True)


def lift(*, counted: bool) -> LiftLockout:
    return LiftLockout(counted=counted, at=AT)


def locked_until(*events: AccountEvent) -> datetime | None:
    account = ACCOUNT.fold([REGISTERED, *events])
    known = account.account if isinstance(account, ClosedAccount) else account
    assert isinstance(known, Account)
    return known.locked_until


def test_a_lock_out_is_lifted_where_there_is_one_or_something_was_counted() -> None:
    lifted = AccountLockoutLifted()
    given(ACCOUNT, REGISTERED, LOCKED).when(lift(counted=False)).then(lifted)
    given(ACCOUNT, REGISTERED, LOCKED, AccountClosed()).when(lift(counted=False)).then(lifted)
    given(ACCOUNT, REGISTERED).when(lift(counted=True)).then(lifted)


def test_what_is_not_locked_or_not_any_more_is_not_lifted() -> None:
    over = AccountLockedOut(until=AT, everywhere=True)
    for history in ([], [LOCKED, AccountLockoutLifted()], [over]):
        given(ACCOUNT, REGISTERED, *history).when(lift(counted=False)).then()
    given(ACCOUNT).when(lift(counted=True)).refused(NoSuchAccount)


def test_an_account_knows_until_when_it_is_locked_everywhere() -> None:
    assert locked_until(LOCKED) == LOCKED.until
    assert locked_until(AccountLockedOut(until=LOCKED.until)) is None
    assert locked_until(LOCKED, AccountLockoutLifted()) is None
    assert locked_until(LOCKED, AccountClosed(), AccountLockoutLifted()) is None
    assert locked_until(LOCKED, EmailChanged(email="ada@example.com")) is None


EVENTS = [
    REGISTERED,
    VERIFICATION_ASKED,
    AccountVerified(),
    RESET_ASKED,
    CHANGED,
    PasswordRehashed(password_hash="h2"),
    UnprovenKeyMade(key="k"),
    CHANGE_ASKED,
    EmailChanged(email="ada@example.com"),
    AccountClosed(),
    AccountReopened(),
    AccountSessionsRevoked(reason="r"),
    AccountSignInsFailed(minute=AT, count=1),
    AccountLockedOut(until=AT),
]


@for_all(st.lists(st.sampled_from(EVENTS)))
def test_any_events_in_any_order_fold(events: list[Any]) -> None:
    ACCOUNT.fold(events)


def test_an_address_knows_how_often_it_was_given_back() -> None:
    reserved, released = EmailReserved(account="a1"), EmailReleased()
    assert EMAIL.fold([reserved, released, reserved]) == EmailReservation("a1", 1)
