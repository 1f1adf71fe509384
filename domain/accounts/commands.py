"""What is asked of accounts. Tokens come as their hashes, passwords as theirs."""

from datetime import datetime
from typing import Literal

from domain.decider import Command

ErasureReason = Literal["own", "requested", "unneeded", "unlawful", "obliged", "restored"]
"""Why somebody is erased.

The person did it (`own`), or somebody who runs the installation: because the person asked for it,
because their data is not needed any more, was unlawfully processed, or must go by law (GDPR, Art.
17(1)). `restored`: a restore had taken the erasure back.
"""


class RegisterAccount(Command, frozen=True, kw_only=True):
    """Open an account."""

    email: str
    password_hash: str | None
    verified: bool = False
    at: datetime


class AskVerification(Command, frozen=True, kw_only=True):
    """Let a token stand for reading the account's mail."""

    token_hash: str
    expires_at: datetime
    at: datetime


class VerifyAddress(Command, frozen=True, kw_only=True):
    """Show the token that was sent to the account's address."""

    token_hash: str
    at: datetime


class AskPasswordReset(Command, frozen=True, kw_only=True):
    """Let a token stand for the password that was forgotten."""

    token_hash: str
    expires_at: datetime
    at: datetime


class ResetPassword(Command, frozen=True, kw_only=True):
    """Choose a new password with such a token."""

    token_hash: str
    password_hash: str
    at: datetime


class ChangePassword(Command, frozen=True, kw_only=True):
    """Choose a new password, having shown the old one."""

    password_hash: str
    at: datetime


class DropPassword(Command, frozen=True, kw_only=True):
    """Trust no password any more: somebody else has registered the address, which is unverified."""

    at: datetime


class RehashPassword(Command, frozen=True, kw_only=True):
    """Keep a new hash of the password that `replaces` is the hash of."""

    replaces: str
    password_hash: str
    at: datetime


class NoteKey(Command, frozen=True, kw_only=True):
    """Remember a key that the account makes, while nobody has proved its address."""

    key: str
    at: datetime


class AskEmailChange(Command, frozen=True, kw_only=True):
    """Let a token stand for reading the mail of a new address."""

    email: str
    token_hash: str
    expires_at: datetime
    at: datetime


class ChangeEmail(Command, frozen=True, kw_only=True):
    """Show the token that was sent to the new address."""

    token_hash: str
    at: datetime


class CloseAccount(Command, frozen=True, kw_only=True):
    """Close the account."""

    at: datetime


class ReopenAccount(Command, frozen=True, kw_only=True):
    """Open a closed account again."""

    at: datetime


class EraseAccount(Command, frozen=True, kw_only=True):
    """Erase the person; the rest is as the event has it."""

    keys: tuple[str, ...]
    tenants: tuple[str, ...]
    reason: ErasureReason
    letter: str = ""
    at: datetime


class ConfirmErasure(Command, frozen=True, kw_only=True):
    """Record that these keys are no more."""

    keys: tuple[str, ...]
    at: datetime


class RevokeSessions(Command, frozen=True, kw_only=True):
    """End all sessions of the account, whoever holds them, but for `kept` where it is named."""

    reason: str
    kept: str = ""
    at: datetime


class RecordFailedSignIns(Command, frozen=True, kw_only=True):
    """Record the failures of one minute, coalesced."""

    minute: datetime
    count: int
    at: datetime


class LockOut(Command, frozen=True, kw_only=True):
    """Record the onset of a lock-out."""

    until: datetime
    everywhere: bool = False
    at: datetime


class LiftLockout(Command, frozen=True, kw_only=True):
    """Let what has failed count no more; `counted` tells whether any failure does."""

    counted: bool
    at: datetime


AccountCommand = (
    RegisterAccount
    | AskVerification
    | VerifyAddress
    | AskPasswordReset
    | ResetPassword
    | ChangePassword
    | DropPassword
    | RehashPassword
    | NoteKey
    | AskEmailChange
    | ChangeEmail
    | CloseAccount
    | ReopenAccount
    | EraseAccount
    | ConfirmErasure
    | RevokeSessions
    | RecordFailedSignIns
    | LockOut
    | LiftLockout
)
