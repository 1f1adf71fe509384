"""What accounts become."""

from msgspec.structs import replace

from domain.accounts.erasure import destroyed, erased, readable, registered
from domain.accounts.events import (
    AccountClosed,
    AccountErased,
    AccountEvent,
    AccountKeysDestroyed,
    AccountLockedOut,
    AccountLockoutLifted,
    AccountRegistered,
    AccountReopened,
    AccountSessionsRevoked,
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
from domain.accounts.state import (
    Account,
    AnyAccount,
    Asked,
    ClosedAccount,
    ErasedAccount,
    PendingEmail,
)

MOST_TOKENS = 5
"""So many mails may be on their way; one asked for too often is not void before it is read."""


def evolve(account: AnyAccount, event: AccountEvent) -> AnyAccount:
    """The account after an event."""
    match event, account:
        case AccountRegistered(), _:
            return registered(event)
        case AccountErased(), _:
            return erased(event)
        case AccountKeysDestroyed(), ErasedAccount():
            return destroyed(account, event)
        case AccountReopened(), ClosedAccount():
            return account.account
        case AccountSessionsRevoked(), ClosedAccount():
            return ClosedAccount(_revoked(account.account, event))
        case AccountLockoutLifted(), ClosedAccount():
            return ClosedAccount(replace(account.account, locked_until=None))
        case _, Account():
            return _evolve_open(account, event)
        case _:
            return account


def _evolve_open(account: Account, event: AccountEvent) -> AnyAccount:  # noqa: C901 - it routes
    match event:
        case VerificationAsked() | PasswordResetAsked() | EmailChangeAsked():
            return _asked(account, event)
        case AccountVerified():
            return _proven(replace(account, verifications=()))
        case EmailChanged():  # failures are counted by address
            changed = replace(account, email=event.email, locked_until=None)
            return _without_tokens(_proven(changed))
        case PasswordChanged():
            return replace(
                account,
                password_hash=readable(event.password_hash),
                passwords=account.passwords + 1,
                resets=(),
                email_change=None,
            )
        case PasswordDropped():
            return replace(
                account, password_hash=None, passwords=account.passwords + 1, verifications=()
            )
        case PasswordRehashed():
            return replace(account, password_hash=readable(event.password_hash))
        case UnprovenKeyMade():
            return replace(account, unproven_keys=(*account.unproven_keys, event.key))
        case AccountSessionsRevoked():
            return _revoked(account, event)
        case AccountLockedOut() if event.everywhere:
            return replace(account, locked_until=event.until)
        case AccountLockoutLifted():
            return replace(account, locked_until=None)
        case AccountClosed():
            return ClosedAccount(_without_tokens(account))
        case _:
            return account


def _asked(
    account: Account, event: VerificationAsked | PasswordResetAsked | EmailChangeAsked
) -> Account:
    asked = Asked(event.token_hash, event.expires_at)
    match event:
        case VerificationAsked():
            return replace(account, verifications=(*account.verifications, asked)[-MOST_TOKENS:])
        case PasswordResetAsked():
            return replace(account, resets=(*account.resets, asked)[-MOST_TOKENS:])
        case EmailChangeAsked():
            return replace(account, email_change=PendingEmail(event.email, asked))


def _proven(account: Account) -> Account:
    return replace(account, verified=True, unproven_keys=())


def _revoked(account: Account, event: AccountSessionsRevoked) -> Account:
    return replace(account, revocations=account.revocations + 1, kept=event.kept)


def _without_tokens(account: Account) -> Account:
    return replace(account, verifications=(), resets=(), email_change=None)
