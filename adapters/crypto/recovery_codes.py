"""Recovery codes: 120 random bits each, written so that people can copy them.

OWASP's ASVS 5.0 (6.5.2) lets such secrets be kept as a plain hash from 112 bits on: there is
nothing to guess, and so nothing to slow down.
"""

import hashlib
import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32: no i, l, o, u
_ALIKE = str.maketrans({"i": "1", "l": "1", "o": "0", "-": None, " ": None})
_GROUPS, _LENGTH = 6, 4


class PaperCodes:
    """Implements `application.second_factors.ports.RecoveryCodes`."""

    def new(self) -> str:
        """See `RecoveryCodes`: `k7m2-9xqd-…`, six groups of four."""
        groups = (
            "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(_GROUPS)
        )
        return "-".join(groups)

    def hash(self, code: str) -> str:
        """See `RecoveryCodes`: the SHA-256 of the code in its one spelling, in hexadecimals."""
        plain = code.lower().translate(_ALIKE)
        return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
