"""What is decided about backups: each command first looks at what the repository has.

A version that the log does not know, because the log was restored to a moment before it, is adopted
on the way. What the repository says is read before anything is decided, and only once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from application.backup_repository import Damaged, Manifest
from application.backups import Backups, copy_of
from application.bus import Handler, OneStream, Run
from application.unit import Done, Unit
from domain.backup_policy import BACKUP_POLICY, SetBackupPolicy
from domain.backups import (
    BACKUP,
    DAMAGED,
    AdoptBackup,
    Backup,
    CompleteBackup,
    DeleteBackup,
    FailBackup,
    FailVerification,
    LabelBackup,
    NoBackup,
    PassVerification,
    PruneBackup,
    ReportDamage,
    StartBackup,
    StartVerification,
)
from domain.retention import kept

THE_POLICY = "installation"
"""The id of the one stream that holds the policy."""


@dataclass(frozen=True)
class OneBackup:
    """The handler of a command on one version that the repository may have."""

    backups: Backups

    async def __call__(
        self, command: LabelBackup | StartVerification | DeleteBackup, run: Run
    ) -> Done[NoBackup | Backup]:
        """Adopt what is found, then decide."""
        version = command.version
        found = await self.backups.find(version)

        async def decide(unit: Unit) -> NoBackup | Backup:
            if found is not None:
                await unit.decide(BACKUP, version, adoption(version, found, command.at))
            return await unit.decide(BACKUP, version, command)

        return await run(decide, lanes=[(BACKUP, version)])


def adoption(version: str, found: Manifest | Damaged, at: datetime) -> AdoptBackup:
    """Take up what the repository has, where the log does not know it."""
    if isinstance(found, Damaged):
        return AdoptBackup(version=version, label="", copy=None, at=at)
    return AdoptBackup(version=version, label=found.label, copy=copy_of(found), at=at)


class PruneBackups(msgspec.Struct, frozen=True, kw_only=True):
    """Let go of every version that the policy does not keep."""

    at: datetime


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """The versions that were let go, the newest first; `kept` counts those that stay."""

    versions: tuple[str, ...]
    kept: int


@dataclass(frozen=True)
class PruneBackupsHandler:
    """Carries out `PruneBackups`, for all versions in one append."""

    backups: Backups

    async def __call__(self, command: PruneBackups, run: Run) -> Done[Pruned]:
        """Compare what is there with the policy. Damaged versions are for people to judge."""
        manifests = await whole_versions(self.backups)

        async def decide(unit: Unit) -> Pruned:
            return await prune(unit, manifests, command.at)

        return await run(decide, lanes=[(BACKUP_POLICY, THE_POLICY)])


async def prune(unit: Unit, manifests: Mapping[str, Manifest], at: datetime) -> Pruned:
    """Let go of every version that the policy does not keep.

    One that was found damaged takes no other's place, and waits for a person.
    """
    policy = await unit.guard(BACKUP_POLICY, THE_POLICY)
    if policy.retention is None:
        return Pruned(versions=(), kept=len(manifests))
    made = {}
    for version, manifest in manifests.items():
        backup = await unit.load(BACKUP, version)
        if not isinstance(backup, Backup) or backup.verification != DAMAGED:
            made[version] = manifest.started_at
    stay = kept(policy.retention, made, policy.zone)
    gone = [version for version in made if version not in stay]
    for version in gone:
        await unit.decide(BACKUP, version, adoption(version, manifests[version], at))
        await unit.decide(BACKUP, version, PruneBackup(version=version, at=at))
    return Pruned(versions=tuple(gone), kept=len(manifests) - len(gone))


async def whole_versions(backups: Backups) -> Mapping[str, Manifest]:
    """Every version that says what it is, the newest first. Raises `Outage`."""
    found = {}
    for version in await backups.ask(lambda repository: repository.versions()):
        manifest = await backups.find(version)
        if isinstance(manifest, Manifest):
            found[version] = manifest
    return found


def handlers(backups: Backups) -> Mapping[type[Any], Handler[Any, Any]]:
    """The handler of every command on backups."""
    alone = OneStream(BACKUP, lambda command: command.version)
    named = OneBackup(backups)
    return {
        StartBackup: alone,
        CompleteBackup: alone,
        FailBackup: alone,
        PassVerification: alone,
        ReportDamage: alone,
        FailVerification: alone,
        LabelBackup: named,
        StartVerification: named,
        DeleteBackup: named,
        PruneBackups: PruneBackupsHandler(backups),
        SetBackupPolicy: OneStream(BACKUP_POLICY, lambda _: THE_POLICY),
    }
