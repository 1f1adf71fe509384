"""Parts of a backup as they are read: every chunk checked before anybody sees a byte of it."""

import hashlib
from collections.abc import Iterator

from application.backup_repository import BackupRepository, Damaged, Manifest, Part


def checked(repository: BackupRepository, manifest: Manifest, name: str) -> Iterator[bytes]:
    """A part's stored bytes, chunk by chunk, each as the manifest says.

    Raises:
        Damaged: at the first chunk that is not, or when there is more or less than there should be.
        NoSuchVersion: when the part is not there.
        RepositoryFailed: as the repository does.
    """
    part = manifest.part(name)
    whole = hashlib.sha256()
    for number, data in enumerate(_cut(repository.read(manifest.version, name), part, manifest)):
        if hashlib.sha256(data).hexdigest() != part.chunks[number].sha256:
            raise Damaged(manifest.version, f"{name} chunk {number}", "its checksum differs")
        whole.update(data)
        yield data
    if whole.hexdigest() != part.sha256:
        raise Damaged(manifest.version, name, "its checksum differs")


def _cut(stored: Iterator[bytes], part: Part, manifest: Manifest) -> Iterator[bytes]:
    """The same bytes, cut where the part's chunks end."""
    buffer = bytearray()
    for number, chunk in enumerate(part.chunks):
        while len(buffer) < chunk.bytes:
            data = next(stored, b"")
            if not data:
                raise Damaged(manifest.version, f"{part.name} chunk {number}", "it is cut short")
            buffer += data
        yield bytes(buffer[: chunk.bytes])
        del buffer[: chunk.bytes]
    if buffer or next(stored, b""):
        raise Damaged(manifest.version, part.name, "it goes on behind its end")
