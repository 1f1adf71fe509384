"""Signing keys: what access tokens are signed with, and which keys still vouch for them.

The newest key signs. A key that was replaced goes on to vouch until every token that it can have
signed has expired, unless the rotation says that it must not be trusted any more.
"""

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event, Secret
from domain.rejections import Conflict

ACCESS_TOKEN_LIFETIME = timedelta(minutes=5)
OVERLAP = timedelta(minutes=10)
"""How long a replaced key vouches: its last token's life, skewed clocks, and as much again."""

MOST_KEYS = 10
"""Keys that vouch at once; who rotates faster than they fade is a mistake."""


class SigningKeyMade(Event, frozen=True, kw_only=True, tag="signing_key.made"):
    """This key signs from now on.

    `public_key` and `private_key` are an Ed25519 pair, raw, as base64url; `key` is the thumbprint
    of the public one (RFC 7638). With `distrusts_others` no other key vouches any more.
    """

    key: str
    public_key: str
    private_key: Secret
    made_at: datetime
    distrusts_others: bool = False


SigningKeyEvent = SigningKeyMade


class MakeFirstKey(Command, frozen=True, kw_only=True):
    """Have a key that signs; does nothing where there is one."""

    key: str
    public_key: str
    private_key: str
    at: datetime


class RotateKey(Command, frozen=True, kw_only=True):
    """Sign with this key from now on."""

    key: str
    public_key: str
    private_key: str
    distrust_others: bool
    at: datetime


SigningKeyCommand = MakeFirstKey | RotateKey


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that vouches for tokens, for ever or `until`."""

    id: str
    public_key: str
    private_key: str
    made_at: datetime
    until: datetime | None = None

    def vouches(self, at: datetime) -> bool:
        """Whether a token may still be trusted for this key's sake."""
        return self.until is None or at < self.until


class SigningKeys(msgspec.Struct, frozen=True):
    """The keys that vouch, the newest last: it signs."""

    keys: tuple[SigningKey, ...] = ()

    @property
    def newest(self) -> SigningKey | None:
        """The key that signs; None before the first."""
        return self.keys[-1] if self.keys else None

    def find(self, id_: str, at: datetime) -> SigningKey | None:
        """The key of this id, if it vouches at a moment."""
        return next((key for key in self.vouching(at) if key.id == id_), None)

    def vouching(self, at: datetime) -> tuple[SigningKey, ...]:
        """The keys that vouch at a moment."""
        return tuple(key for key in self.keys if key.vouches(at))


class TooManySigningKeys(Conflict):
    """So many keys were replaced just now that another one has to wait for some to fade."""

    slug = "too-many-signing-keys"
    title = "Too many signing keys were replaced just now"


def decide(keys: SigningKeys, command: SigningKeyCommand) -> list[SigningKeyEvent]:
    """Answer a command with the events it causes."""
    match command:
        case MakeFirstKey():
            return [] if keys.keys else [_made(command, distrusts_others=False)]
        case RotateKey():
            return _rotate(keys, command)
        case _:
            assert_never(command)


def _rotate(keys: SigningKeys, command: RotateKey) -> list[SigningKeyEvent]:
    if len(keys.vouching(command.at)) >= MOST_KEYS and not command.distrust_others:
        raise TooManySigningKeys(f"Wait until some are {OVERLAP.seconds // 60} minutes old.")
    return [_made(command, distrusts_others=command.distrust_others)]


def _made(command: SigningKeyCommand, *, distrusts_others: bool) -> SigningKeyMade:
    return SigningKeyMade(
        key=command.key,
        public_key=command.public_key,
        private_key=command.private_key,
        made_at=command.at,
        distrusts_others=distrusts_others,
    )


def evolve(keys: SigningKeys, event: SigningKeyEvent) -> SigningKeys:
    """The keys after an event; those that vouch no more are forgotten."""
    older = () if event.distrusts_others else keys.vouching(event.made_at)
    newest = SigningKey(
        id=event.key,
        public_key=event.public_key,
        private_key=event.private_key,
        made_at=event.made_at,
    )
    return SigningKeys((*(_fading(key, event.made_at) for key in older), newest))


def _fading(key: SigningKey, replaced_at: datetime) -> SigningKey:
    if key.until is not None:
        return key
    return msgspec.structs.replace(key, until=replaced_at + OVERLAP)


SIGNING_KEYS: Decider[SigningKeys, SigningKeyCommand, SigningKeyEvent] = Decider(
    category="signing-keys",
    events=SigningKeyEvent,
    initial=SigningKeys(),
    decide=decide,
    evolve=evolve,
    system=True,
)

INSTALLATION = "installation"
"""The one stream of keys."""
