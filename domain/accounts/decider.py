"""What accounts decide."""

from typing import assert_never

from domain.accounts.commands import (
    AccountCommand,
    AskEmailChange,
    AskPasswordReset,
    AskVerification,
    ChangeEmail,
    ChangePassword,
    CloseAccount,
    ConfirmErasure,
    DropPassword,
    EraseAccount,
    LiftLockout,
    LockOut,
    NoteKey,
    RecordFailedSignIns,
    RegisterAccount,
    RehashPassword,
    ReopenAccount,
    ResetPassword,
    RevokeSessions,
    VerifyAddress,
)
from domain.accounts.erasure import decide_erasure
from domain.accounts.events import (
    AccountClosed,
    AccountEvent,
    AccountLockedOut,
    AccountLockoutLifted,
    AccountRegistered,
    AccountReopened,
    AccountSessionsRevoked,
    AccountSignInsFailed,
    AccountVerified,
    EmailChangeAsked,
    EmailChanged,
    PasswordChanged,
    PasswordDropped,
    PasswordRehashed,
    PasswordResetAsked,
    UnprovenKeyMade,
    VerificationAsked,
)
from domain.accounts.evolution import evolve
from domain.accounts.state import (
    Account,
    AccountIsClosed,
    AnyAccount,
    ClosedAccount,
    EmailTaken,
    ErasedAccount,
    NoAccount,
    NoSuchAccount,
    TooManyUnprovenKeys,
    WrongToken,
    check_token,
)
from domain.decider import Decider, Erased

MOST_UNPROVEN_KEYS = 100
"""So many keys are made before the address is verified: a reset revokes them in one append."""


def decide(account: AnyAccount, command: AccountCommand) -> list[AccountEvent]:  # noqa: C901, PLR0911, PLR0912 - it routes
    """Answer a command with the events it causes."""
    match command:
        case RegisterAccount():
            return _register(account, command)
        case AskVerification() | AskPasswordReset() | AskEmailChange():
            return _ask(_open(account), command)
        case VerifyAddress():
            return _verify(account, command)
        case ResetPassword():
            return _reset_password(account, command)
        case ChangePassword():
            return _change_password(_open(account), command)
        case DropPassword():
            return _drop_password(_open(account))
        case RehashPassword():
            return _rehash_password(_open(account), command)
        case NoteKey():
            return _note_key(_open(account), command)
        case ChangeEmail():
            return _change_email(account, command)
        case CloseAccount():
            return _close(account)
        case ReopenAccount():
            return _reopen(account)
        case EraseAccount() | ConfirmErasure():
            return decide_erasure(account, command)
        case RevokeSessions():
            return _revoke_sessions(account, command)
        case RecordFailedSignIns() | LockOut():
            return _fail(account, command)
        case LiftLockout():
            return _lift_lockout(account, command)
        case _:
            assert_never(command)


def _open(account: AnyAccount) -> Account:
    match account:
        case NoAccount() | ErasedAccount():
            raise NoSuchAccount
        case ClosedAccount():
            raise AccountIsClosed
        case _:
            return account


def _register(account: AnyAccount, command: RegisterAccount) -> list[AccountEvent]:
    if not isinstance(account, NoAccount):
        raise EmailTaken
    return [
        AccountRegistered(
            email=command.email, password_hash=command.password_hash, verified=command.verified
        )
    ]


def _ask(
    account: Account, command: AskVerification | AskPasswordReset | AskEmailChange
) -> list[AccountEvent]:
    match command:
        case AskVerification() if account.verified:
            return []
        case AskVerification():
            return [VerificationAsked(token_hash=command.token_hash, expires_at=command.expires_at)]
        case AskPasswordReset():
            return [
                PasswordResetAsked(token_hash=command.token_hash, expires_at=command.expires_at)
            ]
        case AskEmailChange():
            return [
                EmailChangeAsked(
                    email=command.email,
                    token_hash=command.token_hash,
                    expires_at=command.expires_at,
                )
            ]


def _verify(account: AnyAccount, command: VerifyAddress) -> list[AccountEvent]:
    if not isinstance(account, Account):
        raise WrongToken
    check_token(account.verifications, command.token_hash, command.at)
    return [AccountVerified()]


def _reset_password(account: AnyAccount, command: ResetPassword) -> list[AccountEvent]:
    if not isinstance(account, Account):
        raise WrongToken
    check_token(account.resets, command.token_hash, command.at)
    verified: list[AccountEvent] = [] if account.verified else [AccountVerified()]
    return [
        *verified,
        PasswordChanged(password_hash=command.password_hash, forgotten=True),
        AccountSessionsRevoked(reason="password_reset"),
    ]


def _change_password(account: Account, command: ChangePassword) -> list[AccountEvent]:
    del account
    return [
        PasswordChanged(password_hash=command.password_hash, forgotten=False),
        AccountSessionsRevoked(reason="password_changed"),
    ]


def _drop_password(account: Account) -> list[AccountEvent]:
    if account.verified:
        raise EmailTaken
    return [] if account.password_hash is None else [PasswordDropped()]


def _rehash_password(account: Account, command: RehashPassword) -> list[AccountEvent]:
    if account.password_hash != command.replaces:
        return []
    return [PasswordRehashed(password_hash=command.password_hash)]


def _note_key(account: Account, command: NoteKey) -> list[AccountEvent]:
    if account.verified:
        return []
    if len(account.unproven_keys) >= MOST_UNPROVEN_KEYS:
        raise TooManyUnprovenKeys
    return [UnprovenKeyMade(key=command.key)]


def _change_email(account: AnyAccount, command: ChangeEmail) -> list[AccountEvent]:
    if not isinstance(account, Account) or account.email_change is None:
        raise WrongToken
    check_token([account.email_change.asked], command.token_hash, command.at)
    if isinstance(account.email_change.email, Erased):
        raise WrongToken
    return [EmailChanged(email=account.email_change.email)]


def _close(account: AnyAccount) -> list[AccountEvent]:
    match account:
        case NoAccount() | ErasedAccount():
            raise NoSuchAccount
        case ClosedAccount():
            return []
        case _:
            return [AccountClosed(), AccountSessionsRevoked(reason="closed")]


def _reopen(account: AnyAccount) -> list[AccountEvent]:
    match account:
        case NoAccount() | ErasedAccount():
            raise NoSuchAccount
        case ClosedAccount():
            return [AccountReopened()]
        case _:
            return []


def _revoke_sessions(account: AnyAccount, command: RevokeSessions) -> list[AccountEvent]:
    match account:
        case NoAccount():
            raise NoSuchAccount
        case ClosedAccount() | ErasedAccount():
            return []
        case _:
            return [AccountSessionsRevoked(reason=command.reason, kept=command.kept)]


def _fail(account: AnyAccount, command: RecordFailedSignIns | LockOut) -> list[AccountEvent]:
    if not isinstance(account, Account):
        return []
    if isinstance(command, LockOut):
        return [AccountLockedOut(until=command.until, everywhere=command.everywhere)]
    return [AccountSignInsFailed(minute=command.minute, count=command.count)]


def _lift_lockout(account: AnyAccount, command: LiftLockout) -> list[AccountEvent]:
    if isinstance(account, NoAccount | ErasedAccount):
        raise NoSuchAccount
    known = account.account if isinstance(account, ClosedAccount) else account
    return [AccountLockoutLifted()] if command.counted or known.is_locked(command.at) else []


ACCOUNT: Decider[AnyAccount, AccountCommand, AccountEvent] = Decider(
    category="account",
    events=AccountEvent,
    initial=NoAccount(),
    decide=decide,
    evolve=evolve,
    system=True,
)
