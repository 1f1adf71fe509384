"""Versions of a backup as tests make them, and the damage that they do to them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from adapters.backups.packing import Packer
from adapters.crypto.ids import new_id
from application.backup_repository import (
    EVENTS_PART,
    KEYS_PART,
    LOG_PART,
    BackupRepository,
    Manifest,
    Part,
)

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
PLAIN: Mapping[str, bytes] = {
    LOG_PART: b"PGDMP and so on",
    EVENTS_PART: b"1\t1\tdefault\tflag/a\n" * 40,
    KEYS_PART: b"",
}


def new_version() -> str:
    return str(new_id())


def manifest_of(version: str, parts: tuple[Part, ...] = (), label: str = "") -> Manifest:
    return Manifest(
        version=version,
        label=label,
        log_id=1,
        incarnation=UUID(int=7),
        position=40,
        events=40,
        recorded_at=AT,
        schema_version=4,
        program="0.1.0",
        postgres="18.1",
        started_at=AT,
        completed_at=AT,
        columns=("log_id", "position"),
        parts=parts,
    )


def published(
    repository: BackupRepository,
    version: str = "",
    *,
    label: str = "",
    attempt: int = 1,
    plain: Mapping[str, bytes] = PLAIN,
) -> Manifest:
    """A whole version whose parts hold these bytes."""
    version = version or new_version()
    with repository.draft(version, attempt) as draft:
        parts = []
        for name, data in plain.items():
            packer = Packer(name, draft.part(name))
            packer.feed(data)
            parts.append(packer.finish())
        manifest = msgspec.structs.replace(
            manifest_of(version, tuple(parts), label), attempt=attempt
        )
        draft.publish(manifest)
    return manifest


def flipped(data: bytes, bit: int) -> bytes:
    """The same bytes with one bit the other way round."""
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)
