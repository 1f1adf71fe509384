"""Logs, opened: the reader over this machine's files, and which of them a tenant may name."""

from collections import defaultdict
from pathlib import PurePosixPath

from adapters.settings import Settings
from adapters.telemetry.log_files import ENDING
from application.cache import Cache
from application.current import CurrentStates
from application.log_reader import LogReader
from application.logs import LogRoots, Logs, own_files


def opened_logs(
    settings: Settings, current: CurrentStates, cache: Cache, reader: LogReader
) -> Logs:
    """What a process has of logs."""
    return Logs(
        current=current,
        reader=reader,
        cache=cache,
        roots=log_roots(settings),
        own=own_files(PurePosixPath(settings.log_dir), ENDING),
    )


def log_roots(settings: Settings) -> LogRoots:
    """The directories that the settings open to each tenant."""
    of: dict[str, list[PurePosixPath]] = defaultdict(list)
    for root in settings.log_roots:
        of[root.tenant].append(PurePosixPath(root.directory))
    return LogRoots(of)
