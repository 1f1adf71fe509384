"""Databases beside the log's own: made empty, loaded from a backup, and dropped again.

A version is loaded by pg_restore, schema and all, so what comes out has the schema that the backup
was made with; `annals migrate` brings it to this program's. What is not in a backup is empty:
read models, their checkpoints and builds, leases, failures.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from application.backup_repository import BackupRepository, Manifest

Tell = Callable[[int, int], None]
"""Hears how far something is: (done, total), in bytes."""


class LoadFailed(Exception):  # noqa: N818 - a fact
    """A version could not be loaded; the text says why in one line."""


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


@asynccontextmanager
async def scratch_database(url: str, name: str) -> AsyncIterator[str]:
    """A new empty database on the server of `url`; gives its URL and drops it in the end.

    Raises:
        LoadFailed: when the role of `url` may not make databases; it names what is missing.
        Outage: when the server does not answer.
    """
    raise NotImplementedError
    yield url + name


async def load(
    url: str,
    repository: BackupRepository,
    version: str,
    *,
    keys_from: str | None = None,
    tell: Tell = _silent,
) -> Manifest:
    """Load a version into the empty database at `url`, and gather its statistics.

    The data keys are those of the version `keys_from`, by default of the same one. Every chunk is
    checked before it is used. Roles of the cluster are made where they are missing.

    Raises:
        Damaged: a file of the version is not as it was written.
        NoSuchVersion: there is no such version.
        RepositoryFailed: the repository cannot be read.
        LoadFailed: pg_restore failed; the database is then of no use.
        Outage: the server does not answer.
    """
    raise NotImplementedError
