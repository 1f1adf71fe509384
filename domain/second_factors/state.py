"""A person's second factors as they stand, and why something about them may be refused."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec

from domain.decider import Erased
from domain.rejections import Conflict, NotFound, Unauthenticated
from domain.second_factors.events import Challenge

CHALLENGE_LIFETIME = timedelta(minutes=5)
"""How long any challenge can be answered."""

RECOVERY_CODES = 10
MOST_PASSKEYS = 20

TOTP = "totp"
RECOVERY_CODE = "recovery_code"
PASSKEY = "passkey"


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that counts; see `PasskeyRegistered`."""

    name: str | Erased
    credential: str | Erased
    public_key: str | Erased
    sign_count: int
    transports: tuple[str, ...]
    synced: bool


class SecondFactors(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has beside a password.

    `offered` is a seed that no code has confirmed yet. `codes` maps the numbers of the recovery
    codes that are left to their hashes. `answered` are the challenges that must not count again.
    """

    offered: str | Erased = ""
    seed: str | Erased = ""
    last_step: int = -1
    codes: Mapping[int, str] = MappingProxyType({})
    passkeys: Mapping[str, Passkey] = MappingProxyType({})
    answered: tuple[Challenge, ...] = ()

    @property
    def required(self) -> bool:
        """Whether a password alone does not sign in."""
        return bool(self.seed or self.passkeys)

    @property
    def methods(self) -> tuple[str, ...]:
        """With what the person can complete a sign-in."""
        has = {TOTP: self.seed, PASSKEY: self.passkeys, RECOVERY_CODE: self.codes}
        return tuple(method for method, there in has.items() if there)

    def passkey_of(self, credential: str) -> str | None:
        """The id of the passkey that an authenticator calls so."""
        found = (id_ for id_, each in self.passkeys.items() if each.credential == credential)
        return next(found, None)


class WrongSecondFactor(Unauthenticated):
    """The code, the passkey or the challenge does not count: one answer for every cause."""

    slug = "wrong-second-factor"
    title = "The second factor is wrong, or was used before"


class TotpEnrolled(Conflict):
    """The account has an authenticator; it must be removed first."""

    slug = "totp-enrolled"
    title = "An authenticator is enrolled already"


class NoTotpOffered(Conflict):
    """There is no seed that waits for its first code."""

    slug = "no-totp-offered"
    title = "No authenticator waits to be confirmed"


class NoSecondFactor(Conflict):
    """Recovery codes stand in for a factor, and there is none."""

    slug = "no-second-factor"
    title = "The account has no second factor"


class PasskeyTaken(Conflict):
    """The authenticator's passkey is registered already."""

    slug = "passkey-taken"
    title = "This passkey is registered already"


class TooManyPasskeys(Conflict):
    """The account has as many passkeys as it may have."""

    slug = "too-many-passkeys"
    title = "The account has too many passkeys"


class NoSuchPasskey(NotFound):
    """The account has no such passkey."""

    slug = "no-such-passkey"
    title = "There is no such passkey"
