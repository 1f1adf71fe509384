"""Logs, opened: the reader over this machine's files, and which of them a tenant may name."""

import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path, PurePosixPath

from adapters.logs.reader import opened_log_reader
from adapters.settings import Settings
from adapters.telemetry.log_files import ENDING
from application.cache import Cache
from application.current import CurrentStates
from application.log_reader import LogReader, SourceFiles
from application.logs import LogRoots, Logs, own_files


@asynccontextmanager
async def opened_reader(settings: Settings) -> AsyncIterator[LogReader]:
    """The reader over what lies below the settings' directories; it starts nothing until asked.

    Compressed files are unpacked in the data directory, or, where it cannot be written to, in a
    directory that lasts as long as the reader.
    """
    roots = [settings.log_dir.resolve(), *(root.directory for root in settings.log_roots)]
    spool = settings.data_dir / "unpacked-logs"
    async with AsyncExitStack() as stack:
        if not _usable(spool):
            spool = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="annals-")))
        yield await stack.enter_async_context(opened_log_reader(roots, spool))


def _usable(directory: Path) -> bool:
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


def opened_logs(
    settings: Settings, current: CurrentStates, cache: Cache, reader: LogReader
) -> Logs:
    """What a process has of logs."""
    return Logs(
        current=current,
        reader=reader,
        cache=cache,
        roots=log_roots(settings),
        own=own_source(settings),
    )


def log_roots(settings: Settings) -> LogRoots:
    """The directories that the settings open to each tenant."""
    of: dict[str, list[PurePosixPath]] = defaultdict(list)
    for root in settings.log_roots:
        of[root.tenant].append(PurePosixPath(root.directory))
    return LogRoots(of)


def own_source(settings: Settings) -> SourceFiles:
    """The platform's own lines; the directory by its real name, for no link is followed below."""
    return own_files(PurePosixPath(settings.log_dir.resolve()), ENDING)
