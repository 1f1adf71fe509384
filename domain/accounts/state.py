"""What an account is, and why a command on it is refused."""

import hmac
from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.decider import Erased
from domain.rejections import Conflict, NotFound, Unauthenticated


class Asked(msgspec.Struct, frozen=True):
    """A token that was sent by mail, and until when it opens what it was sent for."""

    token_hash: str
    expires_at: datetime


class PendingEmail(msgspec.Struct, frozen=True):
    """The address that is to be the account's once somebody shows the token sent there."""

    email: str | Erased
    asked: Asked


class NoAccount(msgspec.Struct, frozen=True):
    """Nobody has registered here."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account that is open; `passwords` counts those it has had.

    `revocations` counts how often its sessions were ended, all but the one that was `kept`.
    `unproven_keys` were made before anybody had proved the address. `locked_until`: until then it
    was locked everywhere, unless that was lifted.
    """

    email: str | Erased
    password_hash: str | None
    passwords: int = 1
    verified: bool = False
    verifications: tuple[Asked, ...] = ()
    resets: tuple[Asked, ...] = ()
    email_change: PendingEmail | None = None
    revocations: int = 0
    kept: str = ""
    unproven_keys: tuple[str, ...] = ()
    locked_until: datetime | None = None

    def is_locked(self, at: datetime) -> bool:
        """Whether it is locked everywhere at a time."""
        return self.locked_until is not None and at < self.locked_until

    def counts(self, session: str, revocations: int) -> bool:
        """Whether a session has not been ended with others that began after so many revocations."""
        return revocations == self.revocations or session == self.kept


class ClosedAccount(msgspec.Struct, frozen=True):
    """An account that nobody signs in to, as it will be when it is reopened."""

    account: Account


class ErasedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Whose account this was, nobody can tell any more.

    `pending` are the keys that are still to be destroyed, that of the `letter` among them.
    """

    keys: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    letter: str = ""
    pending: tuple[str, ...] = ()


AnyAccount = NoAccount | Account | ClosedAccount | ErasedAccount


def known_account(account: AnyAccount) -> Account | None:
    """What is known of an account that is open or closed."""
    known = account.account if isinstance(account, ClosedAccount) else account
    return known if isinstance(known, Account) else None


class EmailTaken(Conflict):
    """The address belongs to an account already."""

    slug = "email-taken"
    title = "This e-mail address is taken"


class NoSuchAccount(NotFound):
    """There is no such account."""

    slug = "no-such-account"
    title = "There is no such account"


class AccountIsClosed(Conflict):
    """The account has to be reopened first."""

    slug = "account-closed"
    title = "The account is closed"


class TooManyUnprovenKeys(Conflict):
    """The address has to be verified before more keys are made."""

    slug = "too-many-unproven-keys"
    title = "Verify your address before you make more keys"


class WrongToken(Unauthenticated):
    """A token from a mail is malformed, unknown, used, expired or somebody else's: one answer."""

    slug = "wrong-token"
    title = "This token opens nothing: it is wrong, was used, or has expired"


def check_token(asked: Iterable[Asked], token_hash: str, at: datetime) -> None:
    """Refuse a token that is none of those, or has expired.

    Raises:
        WrongToken: whatever is wrong with it.
    """
    for each in asked:
        if hmac.compare_digest(each.token_hash, token_hash) and at < each.expires_at:
            return
    raise WrongToken
