"""What happens to the factors that a person has beside a password."""

from datetime import datetime

import msgspec

from domain.decider import Event, Personal, Private, SecretJson


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that was answered; before it expires it must not count again."""

    id: str
    expires_at: datetime


class TotpOffered(Event, frozen=True, kw_only=True, tag="totp.offered"):
    """A seed was made for the person's authenticator; it counts once a code of it was right."""

    seed: Private


class TotpConfirmed(Event, frozen=True, kw_only=True, tag="totp.confirmed"):
    """The authenticator shows the right codes: the one of this time step has proved it."""

    step: int


class TotpUsed(Event, frozen=True, kw_only=True, tag="totp.used"):
    """The code of this time step was used; no code up to it counts any more."""

    step: int
    challenge: Challenge | None = None


class TotpRemoved(Event, frozen=True, kw_only=True, tag="totp.removed"):
    """The authenticator counts no more."""


class RecoveryCodesIssued(Event, frozen=True, kw_only=True, tag="recovery_codes.issued"):
    """These are the person's recovery codes now, and no others; only their hashes are kept."""

    hashes: SecretJson


class RecoveryCodeUsed(Event, frozen=True, kw_only=True, tag="recovery_code.used"):
    """The code of this number (from 1) was used up."""

    number: int
    challenge: Challenge | None = None


class PasskeyRegistered(Event, frozen=True, kw_only=True, tag="passkey.registered"):
    """The person has another passkey.

    `credential` is the authenticator's id of it and `public_key` its COSE key, both base64url.
    `synced`: it may be on several of the person's devices.
    """

    passkey: str
    name: Personal
    credential: Personal
    public_key: Personal
    sign_count: int
    transports: tuple[str, ...]
    synced: bool
    challenge: Challenge


class PasskeyUsed(Event, frozen=True, kw_only=True, tag="passkey.used"):
    """The passkey has answered a challenge; its counter stands here now."""

    passkey: str
    sign_count: int
    challenge: Challenge


class PasskeyRemoved(Event, frozen=True, kw_only=True, tag="passkey.removed"):
    """The passkey opens nothing any more."""

    passkey: str


SecondFactorsEvent = (
    TotpOffered
    | TotpConfirmed
    | TotpUsed
    | TotpRemoved
    | RecoveryCodesIssued
    | RecoveryCodeUsed
    | PasskeyRegistered
    | PasskeyUsed
    | PasskeyRemoved
)
