"""The catalogue: what the repository holds, and what the log knows of it, as one list.

The repository comes first. A log that was restored to a moment before a version was made does not
know it, and a catalogue must not depend on what it is there to bring back.
"""

import heapq
from collections.abc import Sequence
from datetime import datetime

import msgspec

from application.backup_repository import Manifest
from application.backups import Backups
from domain.backups import COMPLETED, DAMAGED, DELETED
from projections.backups import BackupRow, find_backups, find_these
from projections.reading import Rows

MISSING = "missing"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A version in the list.

    `state` is that of the log, but for a version that the log has as whole: then `damaged` says
    that it cannot be read, and `missing` that it is not there.
    """

    version: str
    label: str
    state: str
    position: int | None
    events: int | None
    bytes: int | None
    error: str | None = None
    verification: str | None = None
    verified_at: datetime | None = None


async def catalogue(
    backups: Backups, rows: Rows, *, before: str | None = None, limit: int
) -> list[Listed]:
    """Versions before another one, the newest first.

    Raises:
        Outage: when the repository does not answer.
    """
    held = await backups.ask(lambda repository: repository.versions())
    there = set(held)
    listed: list[Listed] = []
    while len(listed) < limit:
        page = await _page(held, rows, before, limit)
        if not page:
            break
        known = {row.version: row for row in await find_these(rows, page)}
        for version in page:
            row = known.get(version)
            if row is None or row.state != DELETED:
                listed.append(await _listed(backups, version, row, held=version in there))
        before = page[-1]
    return listed[:limit]


async def _page(held: Sequence[str], rows: Rows, before: str | None, limit: int) -> list[str]:
    """The next versions that the repository or the log knows, each once."""
    recorded = [row.version for row in await find_backups(rows, before=before, limit=limit)]
    stored = [version for version in held if before is None or version < before][:limit]
    merged = heapq.merge(recorded, stored, reverse=True)
    return list(dict.fromkeys(merged))[:limit]


async def _listed(backups: Backups, version: str, row: BackupRow | None, *, held: bool) -> Listed:
    found = await backups.find(version) if held else None
    if row is not None and row.state != COMPLETED and not isinstance(found, Manifest):
        return _of_row(row, row.state)
    if isinstance(found, Manifest):
        whole = _of_manifest(found)
        if row is None:
            return whole
        return msgspec.structs.replace(
            whole, label=row.label, verification=row.verification, verified_at=row.verified_at
        )
    state = DAMAGED if held else MISSING
    if row is not None:
        return _of_row(row, state)
    return Listed(version=version, label="", state=state, position=None, events=None, bytes=None)


def _of_manifest(manifest: Manifest) -> Listed:
    return Listed(
        version=manifest.version,
        label=manifest.label,
        state=COMPLETED,
        position=manifest.position,
        events=manifest.events,
        bytes=manifest.bytes,
    )


def _of_row(row: BackupRow, state: str) -> Listed:
    copy = row.copy
    return Listed(
        version=row.version,
        label=row.label,
        state=state,
        position=copy.position if copy else None,
        events=copy.events if copy else None,
        bytes=copy.bytes if copy else None,
        error=row.error,
        verification=row.verification,
        verified_at=row.verified_at,
    )
