"""What goes to a searcher and comes back: one JSON message each, behind its length.

JSON rather than anything shorter: log fields hold whatever JSON holds, also numbers of any size.
"""

import struct
from typing import Any, Final

import msgspec

from application.event_store import Outage
from application.log_reader import (
    ArchiveTooLarge,
    LinesGone,
    LogHistogram,
    LogPage,
    LogQuery,
    LogSummary,
    SourceFiles,
    TooManyFiles,
)
from domain.rejections import Fault, Invalid

LENGTH: Final = struct.Struct(">I")


class Summarise(msgspec.Struct, frozen=True, kw_only=True, tag="summarise"):
    """Ask for what there is."""

    source: SourceFiles


class FindPage(msgspec.Struct, frozen=True, kw_only=True, tag="page"):
    """Ask for a page."""

    source: SourceFiles
    query: LogQuery


class Count(msgspec.Struct, frozen=True, kw_only=True, tag="count"):
    """Ask for a histogram."""

    source: SourceFiles
    query: LogQuery
    buckets: int


Request = Summarise | FindPage | Count


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer."""

    kind: str
    detail: str
    faults: tuple[Fault, ...] = ()
    facts: dict[str, Any] = msgspec.field(default_factory=dict)


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of these."""

    summary: LogSummary | None = None
    page: LogPage | None = None
    histogram: LogHistogram | None = None
    refused: Refused | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a searcher is told at its start."""

    roots: tuple[str, ...]
    spool: str
    spool_limit: int
    page_seconds: float
    histogram_seconds: float


_KINDS: Final = (LinesGone, ArchiveTooLarge, TooManyFiles)
REFUSALS: Final = (Invalid, Outage, OSError, *_KINDS)


def refused(reason: BaseException) -> Reply:
    """A refusal as it travels."""
    if isinstance(reason, Invalid):
        told = Refused(kind="Invalid", detail=reason.detail, faults=reason.faults)
    elif isinstance(reason, _KINDS):
        told = Refused(kind=type(reason).__name__, detail=reason.detail, facts=reason.facts)
    else:
        told = Refused(kind="Outage", detail=f"log files cannot be read: {reason}")
    return Reply(refused=told)


def raised(told: Refused) -> Exception:
    """A refusal as it was raised."""
    if told.kind == "Invalid":
        return Invalid(*told.faults, detail=told.detail)
    kinds = {kind.__name__: kind for kind in _KINDS}
    if told.kind in kinds:
        return kinds[told.kind](told.detail, **told.facts)
    return Outage(told.detail)
