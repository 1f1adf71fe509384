"""The codes of authenticators: TOTP (RFC 6238) as every authenticator speaks it.

HMAC-SHA-1, six digits and steps of 30 seconds are the only parameters that all of them take; that
SHA-1 collides is no matter in an HMAC. A code counts within its own step and one to each side,
which forgives clocks that are 30 s apart.
"""

import base64
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP = 30  # seconds
_DIGITS = 6
_SEED = 20  # bytes, as long as the hash (RFC 4226, 4)
_SKEW = 1  # steps


class Totp:
    """Implements `application.second_factors.ports.TotpCodes`; `issuer` is shown beside a code."""

    def __init__(self, issuer: str) -> None:
        """Keep the name."""
        self._issuer = issuer

    def new_seed(self) -> str:
        """See `TotpCodes`."""
        return base64.b32encode(secrets.token_bytes(_SEED)).decode()

    def uri(self, seed: str, name: str) -> str:
        """See `TotpCodes`."""
        return _totp(seed).get_provisioning_uri(name, self._issuer)

    def step_of(self, seed: str, code: str, at: datetime) -> int | None:
        """See `TotpCodes`."""
        digits = code.replace(" ", "")
        if len(digits) != _DIGITS or not digits.isascii() or not digits.isdecimal():
            return None
        totp, now = _totp(seed), int(at.timestamp()) // STEP
        found = None
        for step in range(max(0, now - _SKEW), now + _SKEW + 1):  # all, whichever is right
            try:
                totp.verify(digits.encode(), step * STEP)
            except InvalidToken:
                continue
            found = step
        return found


def _totp(seed: str) -> TOTP:
    return TOTP(base64.b32decode(seed), _DIGITS, SHA1(), STEP)  # noqa: S303 - see above
