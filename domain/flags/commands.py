"""What can be asked of a flag, and how that is refused."""

from collections.abc import Collection
from datetime import datetime

from domain.decider import Command
from domain.flags.edits import Edit
from domain.rejections import Conflict, NotFound


class ChangeFlag(Command, frozen=True, kw_only=True):
    """Carry out some edits, all or none.

    `segments` are the names of those that are there. `approved` says that a protected flag may be
    changed, `foreign` that what Unleash's clients take is kept (see `is_tolerable`). `pointers`
    tell where in the request each edit stands ("" each, unless given).
    """

    flag: str
    edits: tuple[Edit, ...]
    segments: Collection[str] = ()
    approved: bool = False
    foreign: bool = False
    pointers: tuple[str, ...] = ()
    at: datetime


class NoSuchFlag(NotFound):
    """No such flag was defined."""

    slug = "no-such-flag"
    title = "There is no such flag"


class FlagIsArchived(Conflict):
    """An archived flag does not change."""

    slug = "flag-is-archived"
    title = "The flag is archived"


class FlagIsProtected(Conflict):
    """The flag only changes by a change that somebody has approved."""

    slug = "flag-is-protected"
    title = "Changes of this flag need approval"
