"""What can be asked of a person's second factors.

Codes and signatures were checked before; whether they may count (now, and for the first time) is
decided here.
"""

from datetime import datetime

from domain.decider import Command
from domain.second_factors.events import Challenge


class OfferTotp(Command, frozen=True, kw_only=True):
    """Offer a new seed for an authenticator; an earlier one that was not confirmed is dropped."""

    seed: str
    at: datetime


class ConfirmTotp(Command, frozen=True, kw_only=True):
    """Let the offered seed count: the code of this time step was right.

    `code_hashes` become the recovery codes, unless the person has some.
    """

    step: int
    code_hashes: tuple[str, ...]
    at: datetime


class UseTotp(Command, frozen=True, kw_only=True):
    """Use the code of a time step, which was right."""

    step: int
    challenge: Challenge | None = None
    at: datetime


class RemoveTotp(Command, frozen=True, kw_only=True):
    """Take the authenticator away."""

    at: datetime


class IssueRecoveryCodes(Command, frozen=True, kw_only=True):
    """Replace the recovery codes."""

    code_hashes: tuple[str, ...]
    at: datetime


class UseRecoveryCode(Command, frozen=True, kw_only=True):
    """Use up the recovery code that has this hash."""

    code_hash: str
    challenge: Challenge | None = None
    at: datetime


class RegisterPasskey(Command, frozen=True, kw_only=True):
    """Add a passkey that has proved itself; `code_hashes` as in `ConfirmTotp`."""

    passkey: str
    name: str
    credential: str
    public_key: str
    sign_count: int
    transports: tuple[str, ...]
    synced: bool
    challenge: Challenge
    code_hashes: tuple[str, ...]
    at: datetime


class UsePasskey(Command, frozen=True, kw_only=True):
    """Use a passkey, whose signature over the challenge was right."""

    passkey: str
    sign_count: int
    challenge: Challenge
    at: datetime


class RemovePasskey(Command, frozen=True, kw_only=True):
    """Take a passkey away."""

    passkey: str
    at: datetime


class RemoveAllFactors(Command, frozen=True, kw_only=True):
    """Take everything away: the person has lost it all, recovery codes too."""

    at: datetime


SecondFactorsCommand = (
    OfferTotp
    | ConfirmTotp
    | UseTotp
    | RemoveTotp
    | IssueRecoveryCodes
    | UseRecoveryCode
    | RegisterPasskey
    | UsePasskey
    | RemovePasskey
    | RemoveAllFactors
)
