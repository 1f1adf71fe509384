"""The port to where backups lie: versions, each a manifest that describes itself and some parts.

A version is a UUIDv7, so versions sort by when they were begun. It is written aside and appears at
once: whoever lists versions sees whole ones only. A part is a stream of bytes (a zstd frame) whose
checksums are in the manifest, as a whole and in chunks, so that a reader knows of damage before it
uses what it has read.

Everything here blocks, and is called from a thread: what it moves are gigabytes.
"""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from domain.rejections import NotFound

FORMAT = "annals/backup/v1"

LOG_PART = "log.dump.zst"
"""An archive of `pg_dump --format=custom`: the schema, and the rows of all but events and keys."""
EVENTS_PART = "events.copy.zst"
"""The events in the order of their positions, in the text format of `COPY annals.events (...)`."""
KEYS_PART = "keys.jsonl.zst"
"""The wrapped data keys, one JSON object to a line (`WrappedKey`)."""


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of a part as it is stored: how many bytes, and their SHA-256 in hex."""

    bytes: int
    sha256: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a version, as it is stored, and the size and SHA-256 of what it unpacks to."""

    name: str
    bytes: int
    sha256: str
    chunks: tuple[Chunk, ...]
    plain_bytes: int
    plain_sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version is, told by itself.

    `attempt` is the try that made it. `position` is that of the log's last event in the dump,
    recorded at `recorded_at` (None: the log was empty), and `events` how many there are.
    `schema_version` is the number of the newest migration, `program` and `postgres` are versions.
    `columns` are those of the events' rows.
    """

    format: str = FORMAT
    version: str
    attempt: int = 1
    label: str
    log_id: int
    incarnation: UUID
    position: int
    events: int
    recorded_at: datetime | None
    schema_version: int
    program: str
    postgres: str
    started_at: datetime
    completed_at: datetime
    columns: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over every event: over its row in the text format of COPY, in order."""
        return self.part(EVENTS_PART).plain_sha256

    @property
    def bytes(self) -> int:
        """The size of everything that is stored, without the manifest."""
        return sum(part.bytes for part in self.parts)

    def part(self, name: str) -> Part:
        """One part.

        Raises:
            KeyError: when there is none of this name.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key as the log's database keeps it: wrapped by the master key, or destroyed."""

    log_id: int
    tenant: str
    kind: str
    owner: str
    wrapped: bytes | None
    created_at: datetime
    destroyed_at: datetime | None


class NoSuchVersion(NotFound):
    """The repository has no such version."""

    slug = "no-such-backup"
    title = "There is no such backup"


class Damaged(Exception):  # noqa: N818 - a fact about the repository
    """A version is not as it was written; `place` names the file, and the chunk where known."""

    def __init__(self, version: str, place: str, detail: str) -> None:
        """Say where, and what is wrong there."""
        super().__init__(f"{place} of backup {version} is damaged: {detail}")
        self.version = version
        self.place = place
        self.detail = detail


class RepositoryFailed(Exception):  # noqa: N818 - a fact about the repository
    """The repository cannot be read or written; the text says why in one line.

    `lasting` tells that trying again at once would fail the same way (a full disk, no permission).
    """

    def __init__(self, detail: str, *, lasting: bool) -> None:
        """Say what does not work."""
        super().__init__(detail)
        self.detail = detail
        self.lasting = lasting


class PartWriter(Protocol):
    """Takes one part's stored bytes in order."""

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises `RepositoryFailed`."""
        ...

    def close(self) -> None:
        """The part is whole: let it be there for good. Raises `RepositoryFailed`."""
        ...


class Draft(Protocol):
    """A version that is being written, and which nobody sees yet."""

    def part(self, name: str) -> PartWriter:
        """Begin a part."""
        ...

    def publish(self, manifest: Manifest) -> None:
        """Let the version appear, whole and for good; what was published before stays.

        Raises:
            RepositoryFailed: and it has not appeared.
        """
        ...


class BackupRepository(Protocol):
    """Where backups lie. All methods block, and raise `RepositoryFailed`."""

    @property
    def place(self) -> str:
        """Where it is, without any secret, for people."""
        ...

    def versions(self) -> list[str]:
        """Every whole version, the newest first."""
        ...

    def manifest(self, version: str) -> Manifest:
        """What a version says of itself.

        Raises:
            NoSuchVersion: when there is none.
            Damaged: when a bit of it is not as it was written.
        """
        ...

    def read(self, version: str, part: str) -> Iterator[bytes]:
        """A part's bytes as they are stored, unchecked (see `backup_parts.checked`).

        Raises:
            NoSuchVersion: when the version or the part is not there.
        """
        ...

    def draft(self, version: str, attempt: int) -> AbstractContextManager[Draft]:
        """Write a version; leaving without `publish` removes what was written."""
        ...

    def label(self, version: str, label: str) -> Manifest:
        """Give a version another label.

        Raises:
            NoSuchVersion, Damaged: and nothing was changed.
        """
        ...

    def delete(self, version: str) -> None:
        """Remove a version, if it is there: first it is no version any more, then it is gone."""
        ...

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Remove what dead writers left of versions other than these; names what was removed."""
        ...
