"""Backups as the API shows them."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from adapters.http.names import NO_NUL
from domain.backups import DELETED, Backup, NoBackup, NoSuchBackup

State = Literal["running", "completed", "failed", "damaged", "missing"]
Verdict = Literal["running", "sound", "damaged", "failed"]
Label = Annotated[str, msgspec.Meta(max_length=200, extra_json_schema=NO_NUL)]


class BackupBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people call a version."""

    label: Label = ""


class NewLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people call a version from now on."""

    label: Label


class ProgressView(msgspec.Struct, frozen=True, kw_only=True):
    """How far work on a version is, in bytes of which the total is an estimate."""

    what: str
    bytes: int
    total: int
    percent: int


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a version."""

    name: str
    bytes: int
    plain_bytes: int
    sha256: str


class VerificationView(msgspec.Struct, frozen=True, kw_only=True):
    """How the last look at a version ended; `faults` say what is wrong, or why nobody knows."""

    state: Verdict
    faults: list[str]


class BackupItem(msgspec.Struct, frozen=True, kw_only=True):
    """A version in the list; what only a whole one has is null before."""

    version: str
    label: str
    state: State
    position: int | None
    events: int | None
    bytes: int | None
    error: str | None
    verification: Verdict | None
    verified_at: datetime | None
    started_at: datetime
    progress: ProgressView | None


class BackupList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of versions, newest first."""

    items: list[BackupItem]
    next: str | None


class BackupView(msgspec.Struct, frozen=True, kw_only=True):
    """A version; `revision` counts what the log has recorded about it."""

    version: str
    label: str
    state: State
    position: int | None
    events: int | None
    bytes: int | None
    digest: str | None
    schema_version: int | None
    error: str | None
    verification: VerificationView | None
    revision: int


class BackupDetails(BackupView, frozen=True, kw_only=True):
    """A version, with what the repository says of it now and how far work on it is."""

    incarnation: UUID | None
    recorded_at: datetime | None
    program: str | None
    postgres: str | None
    started_at: datetime
    parts: list[PartView]
    progress: ProgressView | None


def begun_at(version: str) -> datetime:
    """When a version was begun: a UUIDv7 says so."""
    return datetime.fromtimestamp((UUID(version).int >> 80) / 1000, UTC)


def view(version: str, backup: NoBackup | Backup, revision: int) -> BackupView:
    """A version as the log has it.

    Raises:
        NoSuchBackup: when it has none, or let it go.
    """
    if isinstance(backup, NoBackup) or backup.phase == DELETED:
        raise NoSuchBackup
    copy = backup.copy
    verification = None
    if backup.verification is not None:
        verification = VerificationView(
            state=backup.verification,  # type: ignore[arg-type]  # verdicts are these words
            faults=list(backup.faults),
        )
    return BackupView(
        version=version,
        label=backup.label,
        state=backup.phase,  # type: ignore[arg-type]  # phases but the last are these words
        position=copy.position if copy else None,
        events=copy.events if copy else None,
        bytes=copy.bytes if copy else None,
        digest=copy.digest if copy else None,
        schema_version=copy.schema_version if copy else None,
        error=backup.error,
        verification=verification,
        revision=revision,
    )
