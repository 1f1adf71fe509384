"""Whole flag sets in foreign forms: what is read from a document, and what no document can say."""

import msgspec

from domain.flags.rules import Setting
from domain.flags.state import About, Segment
from domain.rejections import Conflict, Fault


class ImportedFlag(msgspec.Struct, frozen=True, kw_only=True):
    """A flag as a document describes it, with its setting in the one environment read.

    To be `killed` is to be told by documents of our own alone; none takes a kill switch back.
    `faults` are what the other system's clients take although it breaks rules: a flag may come with
    them, but none that works here is broken by them.
    """

    about: About
    setting: Setting
    stale: bool = False
    archived: bool = False
    killed: bool = False
    faults: tuple[Fault, ...] = ()


class FlagSet(msgspec.Struct, frozen=True, kw_only=True):
    """What a document holds, by name.

    `warnings` point at what was read and means less here than the document's author may think.
    """

    flags: dict[str, ImportedFlag]
    segments: dict[str, Segment] = {}
    warnings: tuple[Fault, ...] = ()


class Inexpressible(Conflict):
    """A foreign form has no words for a flag that would give the same answers."""

    slug = "inexpressible"
    title = "The other form cannot say this"

    def __init__(self, *reasons: str) -> None:
        """Say what cannot be said, one reason for each place."""
        super().__init__("; ".join(reasons), reasons=list(reasons))
        self.reasons = reasons
