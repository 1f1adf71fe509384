"""Sealing: AES-256-GCM with a random nonce, for fields as text and for keys as bytes."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12  # bytes; random, so a key is good for 2^32 texts (NIST SP 800-38D, 8.3)
_TAG = 16
_TEXT_VERSION = "1."
_BYTES_VERSION = b"\x01"


class ByteCipher:
    """Seals bytes to bytes: version, nonce, ciphertext and tag."""

    def __init__(self, key: bytes) -> None:
        """`key` has 32 bytes."""
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt; only who names the same context can open it."""
        nonce = os.urandom(_NONCE)
        return _BYTES_VERSION + nonce + self._aead.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt what `seal` made in the same context; raises `ValueError` for anything else."""
        if sealed[:1] != _BYTES_VERSION or len(sealed) < 1 + _NONCE + _TAG:
            raise ValueError("this was not sealed here")
        try:
            return self._aead.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], context)
        except InvalidTag as error:
            raise ValueError("this was sealed with another key or for another place") from error


class FieldCipher:
    """A data key: seals fields to printable text, `1.` and base64url."""

    def __init__(self, key: bytes) -> None:
        """`key` has 32 bytes."""
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, context: bytes) -> str:
        """See `application.vault.DataKey`."""
        nonce = os.urandom(_NONCE)
        raw = nonce + self._aead.encrypt(nonce, plain, context)
        return _TEXT_VERSION + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def open(self, sealed: str, context: bytes) -> bytes:
        """See `application.vault.DataKey`."""
        try:
            if not sealed.startswith(_TEXT_VERSION):
                raise ValueError("this was not sealed here")
            text = sealed[len(_TEXT_VERSION) :].encode("ascii")
            raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            if len(raw) < _NONCE + _TAG:
                raise ValueError("this is too short to be sealed")
            return self._aead.decrypt(raw[:_NONCE], raw[_NONCE:], context)
        except (InvalidTag, binascii.Error, UnicodeEncodeError) as error:
            raise ValueError("this was sealed with another key or for another place") from error


def field_context(*parts: str) -> bytes:
    """Associated data that names its parts without ambiguity: each with its length."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
