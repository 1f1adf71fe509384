"""Whole flag sets in foreign forms: what is read from a document, and what no document can say."""

from collections.abc import Sequence
from typing import Literal

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


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A flag or a segment that a document does not have, and why."""

    kind: Literal["flag", "segment"]
    name: str
    reasons: tuple[str, ...]


class Inexpressible(Conflict):
    """A foreign form has no words for a flag that would give the same answers."""

    slug = "inexpressible"
    title = "The other form cannot say this"

    def __init__(self, *reasons: str, left_out: Sequence[LeftOut] = ()) -> None:
        """Say what cannot be said, one reason for each place; of a document, who is concerned."""
        told = {"left_out": msgspec.to_builtins(left_out)} if left_out else {}
        super().__init__("; ".join(reasons), reasons=list(reasons), **told)
        self.reasons = reasons


def refuse(left_out: Sequence[LeftOut]) -> None:
    """Refuse to write a document that leaves something out.

    Raises:
        Inexpressible: with every reason.
    """
    if left_out:
        reasons = (f"{one.kind} {one.name}: {why}" for one in left_out for why in one.reasons)
        raise Inexpressible(*reasons, left_out=left_out)
