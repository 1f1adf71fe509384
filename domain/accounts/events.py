"""What happens to accounts."""

from datetime import datetime

from domain.decider import Event, Personal, Private, Secret


class AccountRegistered(Event, frozen=True, kw_only=True, tag="account.registered"):
    """A person has an account now; without a password they have to choose one by mail."""

    email: Personal
    password_hash: Private | None
    verified: bool = False


class VerificationAsked(Event, frozen=True, kw_only=True, tag="account.verification_asked"):
    """Who has this token reads the account's mail."""

    token_hash: Secret
    expires_at: datetime


class AccountVerified(Event, frozen=True, kw_only=True, tag="account.verified"):
    """The address is the person's: they had a token that was sent there."""


class PasswordResetAsked(Event, frozen=True, kw_only=True, tag="account.password_reset_asked"):
    """Who has this token may choose a new password."""

    token_hash: Secret
    expires_at: datetime


class PasswordChanged(Event, frozen=True, kw_only=True, tag="account.password_changed"):
    """The account has a new password; `forgotten` tells that a mail stood in for the old one.

    Whoever knew the old password may have asked for another address: that is void.
    """

    password_hash: Private
    forgotten: bool


class PasswordDropped(Event, frozen=True, kw_only=True, tag="account.password_dropped"):
    """The address was registered again before anybody had verified it.

    Whose password counts nobody can tell, so none does: who reads the mail chooses another. What
    was sent to verify the address is void.
    """


class PasswordRehashed(Event, frozen=True, kw_only=True, tag="account.password_rehashed"):
    """The same password has another hash: of today's costs, and of our own making."""

    password_hash: Private


class UnprovenKeyMade(Event, frozen=True, kw_only=True, tag="account.unproven_key_made"):
    """An API key was made by the account before anybody had proved its address."""

    key: str


class EmailChangeAsked(Event, frozen=True, kw_only=True, tag="account.email_change_asked"):
    """Who has this token reads the mail of the address that is to be the account's."""

    email: Personal
    token_hash: Secret
    expires_at: datetime


class EmailChanged(Event, frozen=True, kw_only=True, tag="account.email_changed"):
    """The account has another address, which is verified; what was sent to the old one is void."""

    email: Personal


class AccountClosed(Event, frozen=True, kw_only=True, tag="account.closed"):
    """Nobody signs in any more; the address stays the account's."""


class AccountReopened(Event, frozen=True, kw_only=True, tag="account.reopened"):
    """The account is as it was before it was closed, but for its sessions."""


class AccountErased(Event, frozen=True, kw_only=True, tag="account.erased"):
    """The person has gone for good: whatever is sealed under these `keys` is to be unreadable.

    `keys` are the person's ids: the account's own, and those of what came to its addresses without
    it. `tenants` are those that the account may have belonged to. `reason` is one of few words,
    since whatever people write may name the person. `letter` is the mail that tells them: it is
    sealed under a key of its own, of its own id, until it is sent or given up.
    """

    keys: tuple[str, ...]
    tenants: tuple[str, ...]
    reason: str = ""
    letter: str = ""


class AccountKeysDestroyed(Event, frozen=True, kw_only=True, tag="account.keys_destroyed"):
    """These keys are no more, and what was kept of their person outside of the log is gone."""

    keys: tuple[str, ...]


class AccountSessionsRevoked(Event, frozen=True, kw_only=True, tag="account.sessions_revoked"):
    """All sessions that the account had so far count no more, but for `kept` where it is named."""

    reason: str
    kept: str = ""


class AccountSignInsFailed(Event, frozen=True, kw_only=True, tag="account.sign_ins_failed"):
    """So many sign-ins failed within the minute that began at `minute`."""

    minute: datetime
    count: int


class AccountLockedOut(Event, frozen=True, kw_only=True, tag="account.locked_out"):
    """Too many failures: nothing is tried before `until`.

    From one range of addresses alone, or (`everywhere`) from all that the account does not know.
    """

    until: datetime
    everywhere: bool = False


class AccountLockoutLifted(Event, frozen=True, kw_only=True, tag="account.lockout_lifted"):
    """What had failed counts no more, from one range of addresses or from everywhere."""


AccountEvent = (
    AccountRegistered
    | VerificationAsked
    | AccountVerified
    | PasswordResetAsked
    | PasswordChanged
    | PasswordDropped
    | PasswordRehashed
    | UnprovenKeyMade
    | EmailChangeAsked
    | EmailChanged
    | AccountClosed
    | AccountReopened
    | AccountErased
    | AccountKeysDestroyed
    | AccountSessionsRevoked
    | AccountSignInsFailed
    | AccountLockedOut
    | AccountLockoutLifted
)
