"""Backups over HTTP: what there is, and what is to be done about it.

The list is what the repository holds, with what the log knows beside it: versions that are being
made or have failed, labels, verdicts. A repository whose log was lost is listed as well.
"""

import msgspec

from adapters.backups.catalogue import MISSING, Listed, catalogue
from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.backup_views import (
    BackupBody,
    BackupDetails,
    BackupItem,
    BackupList,
    BackupView,
    NewLabel,
    PartView,
    ProgressView,
    begun_at,
    view,
)
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import known_id
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from application.backup_repository import Manifest, Part
from application.backups import Backups, copy_of
from domain.backups import (
    BACKUP,
    COMPLETED,
    DAMAGED,
    RUNNING,
    Backup,
    DeleteBackup,
    LabelBackup,
    NoBackup,
    NoSuchBackup,
    StartBackup,
    StartVerification,
)
from domain.recorded import SYSTEM_TENANT
from projections import backups as projection

READ, WRITE = "backups:read", "backups:write"


def _missing(version: str) -> NoSuchBackup:
    return NoSuchBackup(version=version[:100])


def version_of(call: Call) -> str:
    """The version that a path names."""
    return known_id(call.params["version"], _missing)


def _show(version: str, status: int = 200, headers: Headers = ()) -> Render:
    def render(backup: NoBackup | Backup, revision: int) -> Answer:
        return json_answer(view(version, backup, revision), status, (etag(revision), *headers))

    return render


@operation(
    "POST", "/v1/backups", needs=WRITE, body=BackupBody, answers={202: BackupView}, conditional=True
)
async def start_backup(call: Call, body: BackupBody) -> Answer:
    """Make a version; a worker dumps it."""
    version = str(call.platform.new_id())
    command = StartBackup(version=version, label=body.label, at=call.platform.now())
    location = (b"location", f"/v1/backups/{version}".encode())
    return await execute(call, command, _show(version, 202, (location,)))


@operation("GET", "/v1/backups", needs=READ, query=Page, answers={200: BackupList}, consistent=True)
async def list_backups(call: Call, page: Page) -> Answer:
    """All versions, newest first."""
    (before,) = read_cursor(page.cursor, str) or (None,)
    backups = call.platform.services.backups
    async with rows_of(call, projection.PROJECTION, system=True) as rows:
        listed = await catalogue(backups, rows, before=before, limit=page.limit + 1)
    shown, following = cut(listed, page.limit, lambda each: each.version)
    return json_answer(
        BackupList(items=[await _item(backups, each) for each in shown], next=following)
    )


async def _item(backups: Backups, listed: Listed) -> BackupItem:
    busy = RUNNING in (listed.state, listed.verification)
    return BackupItem(
        version=listed.version,
        label=listed.label,
        state=listed.state,  # type: ignore[arg-type]  # states are these words
        position=listed.position,
        events=listed.events,
        bytes=listed.bytes,
        error=listed.error,
        verification=listed.verification,  # type: ignore[arg-type]  # as above
        verified_at=listed.verified_at,
        started_at=begun_at(listed.version),
        progress=await _progress(backups, listed.version) if busy else None,
    )


async def _progress(backups: Backups, version: str) -> ProgressView | None:
    told = await backups.board.told(version)
    if told is None:
        return None
    return ProgressView(what=told.what, bytes=told.done, total=told.total, percent=told.percent)


@operation(
    "GET",
    "/v1/backups/{version}",
    needs=READ,
    query=Moment,
    answers={200: BackupDetails},
    consistent=True,
)
async def get_backup(call: Call, moment: Moment) -> Answer:
    """One version, now or as the log had it."""
    version = version_of(call)
    backups = call.platform.services.backups
    backup, revision = await fold(call, BACKUP, version, moment)
    is_now = moment == Moment()
    found = await backups.find(version)
    manifest = found if isinstance(found, Manifest) else None
    if is_now and isinstance(backup, NoBackup) and manifest is not None:
        backup = _found(manifest)
    shown = view(version, backup, revision)
    if is_now and shown.state == COMPLETED and manifest is None:
        state = MISSING if found is None else DAMAGED
        shown = msgspec.structs.replace(shown, state=state)
    verdict = shown.verification and shown.verification.state
    busy = is_now and RUNNING in (shown.state, verdict)
    details = BackupDetails(
        **msgspec.structs.asdict(shown),
        incarnation=manifest.incarnation if manifest else None,
        recorded_at=manifest.recorded_at if manifest else None,
        program=manifest.program if manifest else None,
        postgres=manifest.postgres if manifest else None,
        started_at=begun_at(version),
        parts=[_part(part) for part in manifest.parts] if manifest else [],
        progress=await _progress(backups, version) if busy else None,
    )
    return json_answer(details, 200, (etag(revision),))


def _found(manifest: Manifest) -> Backup:
    """A version that the log does not know, as if it did."""
    return Backup(label=manifest.label, phase=COMPLETED, copy=copy_of(manifest))


def _part(part: Part) -> PartView:
    return PartView(
        name=part.name, bytes=part.bytes, plain_bytes=part.plain_bytes, sha256=part.sha256
    )


@operation(
    "GET",
    "/v1/backups/{version}/history",
    needs=READ,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def backup_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a version."""
    stream = BACKUP.stream(version_of(call))
    return await stream_history(call, SYSTEM_TENANT, stream, page, NoSuchBackup())


@operation(
    "POST",
    "/v1/backups/{version}/verify",
    needs=WRITE,
    answers={202: BackupView},
    conditional=True,
)
async def verify_backup(call: Call) -> Answer:
    """Find out whether a version is sound; a worker restores it into a scratch database."""
    version = version_of(call)
    command = StartVerification(version=version, at=call.platform.now())
    return await execute(call, command, _show(version, 202))


@operation(
    "POST",
    "/v1/backups/{version}/label",
    needs=WRITE,
    body=NewLabel,
    answers={200: BackupView},
    conditional=True,
)
async def label_backup(call: Call, body: NewLabel) -> Answer:
    """Call a version otherwise."""
    version = version_of(call)
    command = LabelBackup(version=version, label=body.label, at=call.platform.now())
    return await execute(call, command, _show(version))


@operation("DELETE", "/v1/backups/{version}", needs=WRITE, answers={204: None}, conditional=True)
async def delete_backup(call: Call) -> Answer:
    """Let a version be gone."""
    version = version_of(call)
    command = DeleteBackup(version=version, at=call.platform.now())
    return await execute(call, command, lambda _backup, _revision: Answer(204))


OPERATIONS = (
    start_backup,
    list_backups,
    get_backup,
    backup_history,
    verify_backup,
    label_backup,
    delete_backup,
)
