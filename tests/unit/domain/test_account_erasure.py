"""What erasing a person does to the account and its address."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.accounts import (
    ACCOUNT,
    AccountClosed,
    AccountErased,
    AccountKeysDestroyed,
    AccountRegistered,
    AccountSessionsRevoked,
    AskPasswordReset,
    ChangeEmail,
    ChangePassword,
    CloseAccount,
    ConfirmErasure,
    EmailChangeAsked,
    EraseAccount,
    ErasedAccount,
    LockOut,
    NoSuchAccount,
    PasswordChanged,
    ReopenAccount,
    VerifyAddress,
    WrongToken,
)
from domain.decider import ERASED
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
REGISTERED = AccountRegistered(email="ada@example.org", password_hash="h")


def test_an_erased_address_becomes_nobodys() -> None:
    erased = EmailChangeAsked(email=ERASED, token_hash="t", expires_at=LATER)
    given(ACCOUNT, REGISTERED, erased).when(ChangeEmail(token_hash="t", at=AT)).refused(WrongToken)


KEYS = ("a1", "address-h")
ERASE = EraseAccount(keys=KEYS, tenants=("t1",), reason="requested", letter="m1", at=AT)
ACCOUNT_ERASED = AccountErased(keys=KEYS, tenants=("t1",), reason="requested", letter="m1")


def test_who_is_erased_has_no_sessions_any_more() -> None:
    revoked = AccountSessionsRevoked(reason="erased")
    for history in ([REGISTERED], [REGISTERED, AccountClosed()]):
        given(ACCOUNT, *history).when(ERASE).then(ACCOUNT_ERASED, revoked)
    given(ACCOUNT).when(ERASE).refused(NoSuchAccount)
    given(ACCOUNT, REGISTERED, ACCOUNT_ERASED).when(ERASE).then()


def test_that_the_keys_are_no_more_is_told_once() -> None:
    confirm, destroyed = ConfirmErasure(keys=KEYS, at=AT), AccountKeysDestroyed(keys=KEYS)
    given(ACCOUNT, REGISTERED, ACCOUNT_ERASED).when(confirm).then(destroyed)
    given(ACCOUNT, REGISTERED, ACCOUNT_ERASED, destroyed).when(confirm).then()
    given(ACCOUNT, REGISTERED).when(confirm).then()


@for_all(st.lists(st.lists(st.sampled_from([*KEYS, "m1", "another's"]), max_size=3)))
def test_each_key_is_told_once_to_be_no_more_whatever_is_confirmed(rounds: list[list[str]]) -> None:
    history: list[Any] = [REGISTERED, ACCOUNT_ERASED]
    for keys in [*rounds, [*KEYS, "m1"]]:
        confirm = ConfirmErasure(keys=tuple(keys), at=AT)
        history += ACCOUNT.decide(ACCOUNT.fold(history), confirm)
    told = [key for each in history[2:] for key in each.keys]
    assert sorted(told) == sorted([*KEYS, "m1"])
    assert ACCOUNT.fold(history) == ErasedAccount(keys=KEYS, tenants=("t1",), letter="m1")


def test_an_erased_account_is_none_for_everybody() -> None:
    erased = given(ACCOUNT, REGISTERED, ACCOUNT_ERASED)
    for command in (
        ChangePassword(password_hash="h2", at=AT),
        AskPasswordReset(token_hash="t", expires_at=AT, at=AT),
        CloseAccount(at=AT),
        ReopenAccount(at=AT),
    ):
        erased.when(command).refused(NoSuchAccount)
    erased.when(VerifyAddress(token_hash="t", at=AT)).refused(WrongToken)
    erased.when(LockOut(until=AT, at=AT)).then()


def test_without_its_key_an_account_is_erased_though_the_log_does_not_say_so() -> None:
    unreadable = AccountRegistered(email=ERASED, password_hash=ERASED)
    assert ACCOUNT.fold([unreadable, PasswordChanged(password_hash=ERASED, forgotten=False)]) == (
        ErasedAccount()
    )
    revoked = AccountSessionsRevoked(reason="erased")
    given(ACCOUNT, unreadable).when(ERASE).then(ACCOUNT_ERASED, revoked)
