"""What an authenticator shows."""

import base64

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP = 30


def shown_code(seed: str, at: float) -> str:
    """The code of a seed at a time in seconds, as every app makes it (RFC 6238)."""
    totp = TOTP(base64.b32decode(seed), 6, SHA1(), STEP)  # noqa: S303 - as the standard says
    return totp.generate(at).decode()
