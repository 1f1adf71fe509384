"""Idempotency keys as the log keeps them: by keyed hashes, their answers sealed.

An answer may hold a token, so it is encrypted under a key that needs both the master key and the
raw `Idempotency-Key`, which only the caller has: a dump of the log opens none.
"""

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.crypto.fields import ByteCipher, field_context
from adapters.crypto.master import MasterKey


class KeyedAnswers:
    """Names, compares, seals and opens what is kept under idempotency keys."""

    def __init__(self, master: MasterKey) -> None:
        """Derive a key for each of the three."""
        self._names = master.derive("idempotency keys")
        self._requests = master.derive("idempotency fingerprints")
        self._answers = master.derive("idempotency answers")

    def digest(self, tenant: str, credential: str, key: str) -> bytes:
        """32 bytes that name a key within its scope, without telling it."""
        return hmac.digest(self._names, field_context(tenant, credential, key), "sha256")

    def fingerprint(self, method: str, route: str, body: bytes) -> bytes:
        """32 bytes that tell one request from another."""
        return hmac.digest(self._requests, field_context(method, route) + body, "sha256")

    def seal(self, key: str, answer: bytes) -> bytes:
        """Encrypt an answer so that only who knows the raw key can open it."""
        return self._cipher(key).seal(answer, b"answer")

    def open(self, key: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` has made; raises `ValueError` for anything else."""
        return self._cipher(key).open(sealed, b"answer")

    def _cipher(self, key: str) -> ByteCipher:
        raw = key.encode("utf-8", "surrogatepass")
        kdf = HKDF(algorithm=SHA256(), length=32, salt=self._answers, info=b"idempotent answer")
        return ByteCipher(kdf.derive(raw))
