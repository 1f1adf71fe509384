"""The ports to what second factors are made of: codes, challenges and passkeys.

None of them keeps anything. What was used is recorded in the account's own stream.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from domain.recorded import DEFAULT_TENANT
from domain.second_factors.events import Challenge
from domain.second_factors.state import Passkey


class TotpCodes(Protocol):
    """The codes of authenticators (RFC 6238)."""

    def new_seed(self) -> str:
        """A random seed in base32, as people type it."""
        ...

    def uri(self, seed: str, name: str) -> str:
        """What an authenticator reads from a picture (`otpauth:`); `name` tells it the account."""
        ...

    def step_of(self, seed: str, code: str, at: datetime) -> int | None:
        """The time step whose code this is, no more than 30 s away from `at`; None: it is wrong."""
        ...


class RecoveryCodes(Protocol):
    """Codes on paper, too long to guess: 120 random bits, so a plain hash is enough."""

    def new(self) -> str:
        """A code in groups of letters and digits that are not taken for one another."""
        ...

    def hash(self, code: str) -> str:
        """What is kept of a code, however it was typed."""
        ...


class SealedChallenge(msgspec.Struct, frozen=True, kw_only=True):
    """What we have asked somebody to answer.

    `account` is whom it was made for, empty where anybody may answer; `password` tells the
    password's hash that was checked, without being it. `tenant` is where the session is to work
    that an answer opens.
    """

    id: str
    expires_at: datetime
    account: str = ""
    password: str = ""
    tenant: str = DEFAULT_TENANT

    @property
    def answered(self) -> Challenge:
        """What is remembered once it was answered."""
        return Challenge(id=self.id, expires_at=self.expires_at)


class Challenges(Protocol):
    """Challenges that nobody keeps: sealed, so that only we can have made them."""

    def seal(self, purpose: str, challenge: SealedChallenge) -> str:
        """A text (base64url) that opens only for the same purpose."""
        ...

    def open(self, purpose: str, text: str) -> SealedChallenge | None:
        """What was sealed for this purpose, also when it has expired; None for anything else."""
        ...


class RelyingParty(msgspec.Struct, frozen=True, kw_only=True):
    """Whom passkeys are for (WebAuthn): `id` is the host's name, `origin` where its pages are."""

    id: str
    origin: str


class NewPasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that an authenticator has made; see `PasskeyRegistered`."""

    credential: str
    public_key: str
    sign_count: int
    transports: tuple[str, ...]
    synced: bool


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """What an authenticator's answer says of itself; nothing of it is verified yet.

    `challenge` is the text that was sealed. `account` is empty where the authenticator has not
    told whose the passkey is.
    """

    credential: str
    challenge: str
    account: str


class Passkeys(Protocol):
    """WebAuthn: options for browsers, and what authenticators answer.

    Challenges are texts that `Challenges` has sealed. A person must have been verified by the
    authenticator (a fingerprint, a PIN). A JSON value from outside never raises.
    """

    async def warm_up(self) -> None:
        """Get ready to make and to check, so that nobody else waits meanwhile."""
        ...

    def creation_options(
        self,
        party: RelyingParty,
        challenge: str,
        *,
        account: str,
        name: str,
        known: Sequence[Passkey],
    ) -> dict[str, Any]:
        """What `navigator.credentials.create` takes, as JSON; `known` are not made again."""
        ...

    def request_options(
        self, party: RelyingParty, challenge: str, *, known: Sequence[Passkey] = ()
    ) -> dict[str, Any]:
        """What `navigator.credentials.get` takes, as JSON; without `known`, any passkey will do."""
        ...

    def challenge_of(self, credential: Any) -> str:
        """The challenge that an answer says it answers; empty where it is no answer."""
        ...

    def verify_registration(
        self, party: RelyingParty, challenge: str, credential: Any
    ) -> NewPasskey | None:
        """The passkey of a right answer to `creation_options`."""
        ...

    def read_assertion(self, credential: Any) -> Assertion | None:
        """What an answer to `request_options` says of itself."""
        ...

    def verify_assertion(
        self, party: RelyingParty, challenge: str, credential: Any, passkey: Passkey
    ) -> int | None:
        """The passkey's counter in a right answer of it to `request_options`; None: it is wrong."""
        ...
