"""Challenges that nobody keeps: what they are about travels with them, sealed.

Each is sealed by AES-256-GCM under a key of their own, with what it is for as associated data, so
that the challenge of one ceremony opens in no other.
"""

import msgspec

from adapters.crypto import base64url
from adapters.crypto.fields import ByteCipher, field_context
from adapters.crypto.master import MasterKey
from application.second_factors.ports import SealedChallenge

_LONGEST = 1000
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SealedChallenge).decode


class SealedChallenges:
    """Implements `application.second_factors.ports.Challenges`."""

    def __init__(self, master: MasterKey) -> None:
        """Derive the key."""
        self._cipher = ByteCipher(master.derive("challenges"))

    def seal(self, purpose: str, challenge: SealedChallenge) -> str:
        """See `Challenges`."""
        sealed = self._cipher.seal(_encode(challenge), field_context("challenge", purpose))
        return base64url.encode(sealed)

    def open(self, purpose: str, text: str) -> SealedChallenge | None:
        """See `Challenges`."""
        if len(text) > _LONGEST:
            return None
        try:
            plain = self._cipher.open(base64url.decode(text), field_context("challenge", purpose))
        except ValueError:
            return None
        return _decode(plain)
