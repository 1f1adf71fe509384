"""A manifest as a file: JSON that people can read, and in which no bit can change unnoticed.

Its last member is the SHA-256 of the manifest without it. There is one way to write a manifest
down, so a file that reads well but is written in any other way is damaged, too.
"""

import hashlib

import msgspec

from application.backup_repository import FORMAT, Damaged, Manifest

NAME = "manifest.json"


class _Sealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lies in the file."""

    manifest: Manifest
    sha256: str


_decoder = msgspec.json.Decoder(_Sealed)


def encode(manifest: Manifest) -> bytes:
    """The file of a manifest."""
    sealed = _Sealed(manifest=manifest, sha256=_digest(manifest))
    return msgspec.json.format(msgspec.json.encode(sealed), indent=1) + b"\n"


def decode(version: str, raw: bytes) -> Manifest:
    """The manifest in a file.

    Raises:
        Damaged: when a bit of it is not as it was written, or it is another version's.
    """
    try:
        sealed = _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(version, NAME, f"it cannot be read ({error})") from None
    manifest = sealed.manifest
    if manifest.format != FORMAT:
        raise Damaged(version, NAME, f"its format is {manifest.format!r}, not {FORMAT!r}")
    if encode(manifest) != raw or sealed.sha256 != _digest(manifest):
        raise Damaged(version, NAME, "its checksum differs")
    if manifest.version != version:
        raise Damaged(version, NAME, f"it is that of {manifest.version}")
    return manifest


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(msgspec.json.encode(manifest)).hexdigest()
