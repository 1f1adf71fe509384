"""The master key: the one secret that is not in Postgres, and the keys derived from it.

It is a file of one line, 32 random bytes as base64. Whoever has the database without this file
can read neither personal data nor secrets; whoever loses it has lost them too.
"""

import base64
import binascii
import contextlib
import hmac
import os
import secrets
import stat
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

_BYTES = 32
_LARGEST_FILE = 1024


class BadMasterKey(Exception):  # noqa: N818 - a fact about the installation
    """The master key's file cannot be used; the text says why, in one line."""


class MasterKey:
    """Derives one key for each purpose (HKDF-SHA256, RFC 5869)."""

    def __init__(self, key: bytes) -> None:
        """`key` has 32 bytes."""
        if len(key) != _BYTES:
            raise BadMasterKey(f"a master key has {_BYTES} bytes, not {len(key)}")
        self._key = key

    def derive(self, purpose: str) -> bytes:
        """32 bytes that nobody can get from another purpose's."""
        kdf = HKDF(algorithm=SHA256(), length=32, salt=b"annals/1", info=purpose.encode())
        return kdf.derive(self._key)

    def name_hash(self) -> "KeyedHash":
        """Hashes names that may not be readable in stream names."""
        return KeyedHash(self.derive("stream names"))

    def subject_hash(self) -> "KeyedHash":
        """Hashes whom counters in Redis count."""
        return KeyedHash(self.derive("redis subjects"))

    @override
    def __repr__(self) -> str:
        """Nothing of the key."""
        return "MasterKey(<hidden>)"


class KeyedHash:
    """HMAC-SHA256 of texts."""

    def __init__(self, key: bytes) -> None:
        """Keep the key."""
        self._key = key

    def __call__(self, name: str) -> str:
        """64 hexadecimal digits; lone surrogates have some, too."""
        return hmac.digest(self._key, name.encode("utf-8", "surrogatepass"), "sha256").hex()


def load_master_key(path: Path, *, create: bool = True) -> MasterKey:
    """Read the key's file; with `create`, make it first where there is none.

    A file of our own making (`create`) must be closed to others. One that an operator provides
    may be readable (mounted secrets often are), but nobody else may write to it.

    Raises:
        BadMasterKey: when it is missing, open to others, or holds no key.
    """
    try:
        if create and not path.exists():
            _make(path)
        with path.open("rb") as file:
            _check_mode(path, os.fstat(file.fileno()).st_mode, ours=create)
            text = file.read(_LARGEST_FILE)
    except OSError as error:
        raise BadMasterKey(f"the master key {path} cannot be used: {error.strerror}") from error
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _BYTES:
        raise BadMasterKey(f"the master key {path} does not hold {_BYTES} bytes as base64")
    return MasterKey(key)


def _check_mode(path: Path, mode: int, *, ours: bool) -> None:
    if not stat.S_ISREG(mode):
        raise BadMasterKey(f"the master key {path} is not a file")
    if mode & (0o077 if ours else 0o022):
        wanted = "chmod 600" if ours else "chmod go-w"
        raise BadMasterKey(f"the master key {path} is open to others: {wanted} it")


def _make(path: Path) -> None:
    """Write the whole file elsewhere, then give it its name, unless another process was faster."""
    handle, temporary = tempfile.mkstemp(prefix=".master-key-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
