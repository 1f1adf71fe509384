"""The first start makes the owner: one API key that may do everything, told once, in a file.

The key lies in a draft beside the file while the append is under way, and a lock on the directory
lets one process at a time do this. So no crash and no race makes an owner whose key nobody has.
"""

import asyncio
import contextlib
import fcntl
import glob
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog

from adapters.bootstrap import open_platform
from adapters.crypto.tokens import make_api_key, parse_api_key
from adapters.private_files import write_private
from adapters.settings import Settings
from adapters.startup import CannotStart
from application.access import SEAT, OwnerIsSet, SetOwner
from application.bus import Bus
from application.context import Context
from application.pipeline import Pipeline
from application.unit import Done
from domain.access import OWNER_SEAT
from domain.recorded import SYSTEM_TENANT

ACTOR = "installation"
_PATIENCE = 30.0  # seconds for the command

log = structlog.get_logger(__name__)


class Seating(Protocol):
    """What of a platform is needed to seat an owner."""

    @property
    def settings(self) -> Settings:
        """They name the key's file."""
        ...

    @property
    def bus(self) -> Bus:
        """It carries out `SetOwner`."""
        ...

    @property
    def pipeline(self) -> Pipeline:
        """It tells who the owner is."""
        ...

    def new_id(self) -> UUID:
        """A new UUIDv7."""
        ...


async def ensure_owner(settings: Settings) -> bool:
    """Make an owner where there is none, its key in `owner_key_file`; whether one was made.

    Safe to run from several processes at once: one of them wins, the others change nothing.

    Raises:
        CannotStart: when the file cannot be written.
        Outage, SchemaTooOld, SchemaTooNew, BadMasterKey: as `open_platform`.
    """
    async with open_platform(settings) as platform, _locked(settings.owner_key_file):
        seated = await _seated(platform)
        if not seated:
            return (await _seat(platform, rotate=False, actor=ACTOR)).changed
        _look_after(settings.owner_key_file, seated)
        return False


async def seat_owner(platform: Seating, *, rotate: bool, actor: str = ACTOR) -> OwnerIsSet:
    """Write a new key to `owner_key_file` and make it the owner's.

    With `rotate` it replaces the key that there is, otherwise it yields to it.

    Raises:
        CannotStart: when the file cannot be written; nothing is changed then.
        Outage: when the log does not answer. Where the answer was lost, the next start finds out
            whose key it is, and puts that into the file.
    """
    async with _locked(platform.settings.owner_key_file):
        return await _seat(platform, rotate=rotate, actor=actor)


async def _seat(platform: Seating, *, rotate: bool, actor: str) -> OwnerIsSet:
    file = platform.settings.owner_key_file
    key = make_api_key(platform.new_id())
    draft = _draft(file, key.id)
    try:
        write_private(draft, key.text + "\n")
    except OSError as error:
        raise _unwritable(file, error) from None
    command = SetOwner(key=str(key.id), secret_hash=key.hash, rotate=rotate)
    context = Context(
        actor=actor,
        correlation_id=platform.new_id(),
        deadline=asyncio.get_running_loop().time() + _PATIENCE,
    )
    done = await platform.bus.execute(command, context)
    assert isinstance(done, Done)  # noqa: S101 - only a command with a key is replayed
    seated: OwnerIsSet = done.result
    if not seated.changed:
        draft.unlink()
        return seated
    draft.replace(file)
    for outdated in file.parent.glob(_drafts(file)):
        outdated.unlink(missing_ok=True)  # its append would meet a newer version of the stream
    return seated


async def _seated(platform: Seating) -> str:
    """The id of the owner's key, empty while there is none."""
    stream = (SYSTEM_TENANT, OWNER_SEAT.stream(SEAT))
    owner = (await platform.pipeline.fold(OWNER_SEAT, stream)).state
    return str(owner.key)


def _look_after(file: Path, seated: str) -> None:
    """Bring the owner's key into its file, or tell what to do when it is nowhere."""
    draft = _draft(file, UUID(seated))
    if draft.exists():  # we were killed between the append and the rename
        draft.replace(file)
        return
    advice = "`annals owner rotate` makes a new key"
    try:
        held = parse_api_key(file.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        log.warning("owner_key_file_missing", file=str(file), advice=advice)
    except (OSError, UnicodeDecodeError) as error:
        log.warning("owner_key_file_unreadable", file=str(file), error=type(error).__name__)
    else:
        if held != UUID(seated):
            log.warning("owner_key_file_outdated", file=str(file), advice=advice)


@asynccontextmanager
async def _locked(file: Path) -> AsyncIterator[None]:
    """Let nobody else of this machine work on the file, where its file system can.

    Raises:
        CannotStart: when its directory is missing and cannot be made.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _unwritable(file, error) from None
    try:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(fcntl.flock, directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _unwritable(file: Path, error: OSError) -> CannotStart:
    return CannotStart(f"the owner's key {file} cannot be written: {error.strerror}")


def _drafts(file: Path) -> str:
    return f".{glob.escape(file.name)}." + 32 * "[0-9a-f]"


def _draft(file: Path, key: UUID) -> Path:
    return file.with_name(f".{file.name}.{key.hex}")
