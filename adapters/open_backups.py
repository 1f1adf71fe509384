"""Backups' ports, wired: the repository that the settings name, and who works on it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from adapters.backups.bucket import BucketRepository
from adapters.backups.directory import DirectoryRepository
from adapters.backups.dump import PgDumper
from adapters.backups.verify import PgVerifier
from adapters.crypto.master import MasterKey
from adapters.settings import Settings
from application.backup_repository import BackupRepository
from application.backups import Backups, ProgressBoard
from application.event_kinds import Upcast
from domain.decider import Decider


def open_repository(settings: Settings) -> BackupRepository:
    """The repository that the settings name; nothing is asked of it yet."""
    if settings.backup_url:
        return BucketRepository.of(settings.backup_url)
    return DirectoryRepository(settings.backup_dir)


def opened_backups(
    settings: Settings,
    master: Callable[[], MasterKey],
    board: ProgressBoard,
    deciders: Iterable[Decider[Any, Any, Any]],
    upcasts: Mapping[tuple[str, int], Upcast],
    now: Callable[[], datetime],
) -> Backups:
    """The ports of a running platform, or of a command; `master` is asked when it is needed."""
    repository = open_repository(settings)
    url = settings.database_url
    return Backups(
        repository=repository,
        dump=PgDumper(url, repository, now=now),
        verify=PgVerifier(url, repository, master, deciders, upcasts),
        board=board,
    )
