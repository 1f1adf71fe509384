"""`annals backup`: versions of the log in a repository, with or without a running platform."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import click
import msgspec

from adapters.backups.catalogue import Listed, catalogue
from adapters.cli.backing import LATEST, Opened, opened, told, version_of
from adapters.cli.old_logs import old
from adapters.cli.output import Column, Output, moment, state
from adapters.cli.restores import restore
from adapters.cli.running import Failed, Invocation, runs
from adapters.http.backup_views import begun_at
from adapters.open_backups import open_repository
from adapters.startup import CannotStart
from application.backup_commands import PruneBackups, Pruned
from application.backup_effects import verdict
from application.backup_repository import Damaged, Manifest, RepositoryFailed
from application.backup_tidying import tidy
from application.backups import DumpFailed, Sound, Unsound, VerificationFailed, copy_of
from application.backups import Failed as Unfinished
from application.event_store import Outage
from domain.backups import (
    CALLER,
    COMPLETED,
    Backup,
    CompleteBackup,
    DeleteBackup,
    FailBackup,
    LabelBackup,
    StartBackup,
    StartVerification,
)
from domain.recorded import SYSTEM_TENANT
from projections.backups import PROJECTION

MOST = 10_000
version_argument = click.argument("version", metavar=f"VERSION|{LATEST}")
_INTERRUPTED = "it was interrupted"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A version as the list shows it."""

    version: str
    label: str
    state: str
    position: int | None
    bytes: int | None
    verification: str | None
    started_at: datetime
    error: str | None


@click.group
def backup() -> None:
    """Make backups, and see after them."""


backup.add_command(restore)
backup.add_command(old)


@backup.command
@click.option("--label", default="", help="What people call it.")
@runs
async def create(invocation: Invocation, label: str) -> None:
    """Make a version now, in this process."""
    async with opened(invocation) as it:
        version = str(it.log.new_id())
        start = StartBackup(version=version, label=label, runner=CALLER, at=it.log.now())
        await it.execute(start)
        manifest = await _dump(it, version, label)
        done = CompleteBackup(version=version, copy=copy_of(manifest), at=it.log.now())
        await it.execute(done)
    _show(invocation.output, [_row_of(manifest)])


async def _dump(it: Opened, version: str, label: str) -> Manifest:
    """Dump; that it failed is recorded before it is told."""

    async def fail(reason: str) -> None:
        await it.execute(FailBackup(version=version, reason=reason, at=it.log.now()))

    try:
        return await it.work(
            "backup", version, lambda tell: it.backups.dump(version, label, attempt=1, tell=tell)
        )
    except asyncio.CancelledError:
        await fail(_INTERRUPTED)
        raise
    except (RepositoryFailed, DumpFailed, Outage) as error:
        await fail(str(error))
        raise


@backup.command("list")
@click.option("--limit", type=click.IntRange(1, MOST), default=50, show_default=True)
@runs
async def list_(invocation: Invocation, limit: int) -> None:
    """List versions, newest first; without a database, what the repository itself says."""
    try:
        async with (
            opened(invocation) as it,
            it.log.read_models.rows(PROJECTION, SYSTEM_TENANT) as rows,
        ):
            found = await catalogue(it.backups, rows, limit=limit)
    except (Outage, CannotStart) as away:
        invocation.output.note(f"Only what the repository says: {away}")
        with told():
            listed = await asyncio.to_thread(_read_alone, invocation, limit)
    else:
        listed = [_row_of_listed(each) for each in found]
    _show(invocation.output, listed)


def _read_alone(invocation: Invocation, limit: int) -> list[Row]:
    repository = open_repository(invocation.settings)
    rows = []
    for version in repository.versions()[:limit]:
        try:
            rows.append(_row_of(repository.manifest(version)))
        except Damaged as damaged:
            rows.append(_unreadable(version, str(damaged)))
    return rows


@backup.command
@version_argument
@runs
async def verify(invocation: Invocation, version: str) -> None:
    """Restore a version into a scratch database, and compare it with what it should be.

    Exit status 0: it is sound; 1: it is not, or nobody could find out.
    """
    async with opened(invocation) as it:
        name = await version_of(it.backups.repository, version)
        start = StartVerification(version=name, runner=CALLER, at=it.log.now())
        await it.execute(start)
        result = await _verify(it, name)
    if isinstance(result, Unsound):
        raise Failed("\n".join(result.faults))
    told_of = {"version": name, "state": "sound", **msgspec.structs.asdict(result)}
    if invocation.output.as_json:
        invocation.output.document(told_of)
    else:
        invocation.output.text(
            name,
            state("sound"),
            f"{result.events} events up to {result.position} in {result.streams} streams",
        )


async def _verify(it: Opened, version: str) -> Sound | Unsound:
    async def record(result: Sound | Unsound | Unfinished) -> None:
        await it.execute(verdict(version, result, it.log.now()))

    try:
        result = await it.work(
            "verify", version, lambda tell: it.backups.verify(version, attempt=1, tell=tell)
        )
    except asyncio.CancelledError:
        await record(Unfinished(reason=_INTERRUPTED, lasting=False))
        raise
    except (RepositoryFailed, VerificationFailed, Outage) as error:
        await record(Unfinished(reason=str(error), lasting=True))
        raise
    await record(result)
    return result


@backup.command
@version_argument
@click.argument("text", metavar="LABEL")
@runs
async def label(invocation: Invocation, version: str, text: str) -> None:
    """Call a version otherwise."""
    async with opened(invocation) as it:
        name = await version_of(it.backups.repository, version)
        labelled = await it.execute(LabelBackup(version=name, label=text, at=it.log.now()))
        await tidy(it.backups, name, labelled)
    _done(invocation.output, name, "labelled")


@backup.command
@version_argument
@runs
async def delete(invocation: Invocation, version: str) -> None:
    """Let a version be gone."""
    async with opened(invocation) as it:
        name = await version_of(it.backups.repository, version)
        deleted: Backup = await it.execute(DeleteBackup(version=name, at=it.log.now()))
        await tidy(it.backups, name, deleted)
    _done(invocation.output, name, "deleted")


@backup.command
@runs
async def prune(invocation: Invocation) -> None:
    """Let go of every version that the policy does not keep."""
    async with opened(invocation) as it:
        pruned: Pruned = await it.execute(PruneBackups(at=it.log.now()))
        for version in pruned.versions:
            await _remove(it, version)
    output = invocation.output
    if output.as_json:
        output.document({"pruned": pruned.versions, "kept": pruned.kept})
        return
    for version in pruned.versions:
        output.text(version, state("pruned"))
    output.note(f"{len(pruned.versions)} pruned, {pruned.kept} kept")


async def _remove(it: Opened, version: str) -> None:
    await it.backups.ask(lambda repository: repository.delete(version))


def _row_of(manifest: Manifest) -> Row:
    return Row(
        version=manifest.version,
        label=manifest.label,
        state=COMPLETED,
        position=manifest.position,
        bytes=manifest.bytes,
        verification=None,
        started_at=begun_at(manifest.version),
        error=None,
    )


def _row_of_listed(listed: Listed) -> Row:
    return Row(
        version=listed.version,
        label=listed.label,
        state=listed.state,
        position=listed.position,
        bytes=listed.bytes,
        verification=listed.verification,
        started_at=begun_at(listed.version),
        error=listed.error,
    )


def _unreadable(version: str, error: str) -> Row:
    return Row(
        version=version,
        label="",
        state="damaged",
        position=None,
        bytes=None,
        verification=None,
        started_at=begun_at(version),
        error=error,
    )


def _show(output: Output, rows: Sequence[Row]) -> None:
    if output.as_json:
        output.document({"items": rows})
    else:
        output.table(rows, _COLUMNS, empty="There are no backups.")


def _done(output: Output, version: str, what: str) -> None:
    if output.as_json:
        output.document({"version": version, "state": what})
    else:
        output.text(version, state(what))


def _size(count: int | None) -> str:
    if count is None:
        return ""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - the next unit's
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


_COLUMNS = (
    Column[Row]("version", lambda row: row.version),
    Column[Row]("label", lambda row: row.label, folds=True),
    Column[Row]("state", lambda row: state(row.state)),
    Column[Row]("verified", lambda row: state(row.verification or "")),
    Column[Row]("position", lambda row: row.position, right=True),
    Column[Row]("size", lambda row: _size(row.bytes), right=True),
    Column[Row]("started", lambda row: moment(row.started_at)),
    Column[Row]("error", lambda row: row.error or "", folds=True),
)
