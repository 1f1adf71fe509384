"""What a restore is, and why a command on it may be refused."""

import msgspec

from domain.rejections import Conflict, NotFound
from domain.restores.events import Parked


class NoRestore(msgspec.Struct, frozen=True):
    """Nothing was restored."""


RUNNING, FAILED, COMPLETED = "running", "failed", "completed"


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """A restore; `phase` is its public state, `kept` the old log's database while there is one."""

    version: str
    base: int
    position: int | None
    phase: str
    tail: int = 0
    discard_later: bool = False
    reason: str = ""
    step: str = ""
    error: str = ""
    kept: str = ""
    parked: tuple[Parked, ...] = ()


class NoSuchRestore(NotFound):
    """No such restore was asked for."""

    slug = "no-such-restore"
    title = "There is no such restore"


class RestoreExists(Conflict):
    """The new restore's id is in use."""

    slug = "restore-exists"
    title = "This restore exists"


class RestoreHasEnded(Conflict):
    """The restore has ended already, another way."""

    slug = "restore-has-ended"
    title = "This restore has ended"


class NoOldLog(Conflict):
    """The restore has left no log behind, or that was dropped."""

    slug = "no-old-log"
    title = "This restore keeps no old log"
