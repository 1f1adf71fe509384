"""The cache: what is asked of all of it. Entries are no events; see `application.cache`.

That somebody drops entries is one: it says why answers were slow just then, and it reaches every
process wherever its entries lie.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Fault, Invalid

LONGEST_KEY = 512
"""Bytes of UTF-8."""
LONGEST_TAG = 200
MOST_TAGS = 32
"""Of one entry."""
MOST_TAGS_AT_ONCE = 100
"""In one invalidation."""
LONGEST_TTL = timedelta(days=3650)
ALL = "all"
"""The id of the one stream that a tenant's cache has."""


class CacheInvalidated(Event, frozen=True, kw_only=True, tag="cache.invalidated"):
    """Entries with any of these tags are dead; without tags, all of the tenant's are."""

    tags: tuple[str, ...]


class InvalidateCache(Command, frozen=True, kw_only=True):
    """Drop entries: `everything`, or those with any of the tags."""

    tags: tuple[str, ...]
    everything: bool
    at: datetime


class Invalidations(msgspec.Struct, frozen=True):
    """How often entries were dropped on request."""

    count: int = 0


def decide(_invalidations: Invalidations, command: InvalidateCache) -> list[CacheInvalidated]:
    """Record what is dropped, also where nothing is kept: something may be on its way."""
    if command.everything == bool(command.tags):
        detail = "give tags, or all as true, and not both"
        raise Invalid(Fault(pointer="/tags", code="exclusive", detail=detail))
    faults = tuple(tag_faults(command.tags, "/tags", most=MOST_TAGS_AT_ONCE))
    if faults:
        raise Invalid(*faults)
    return [CacheInvalidated(tags=tuple(sorted(set(command.tags))))]


def tag_faults(tags: Iterable[str], pointer: str, *, most: int = MOST_TAGS) -> Iterable[Fault]:
    """What is wrong with the tags that were given."""
    given = tuple(tags)
    if len(given) > most:
        yield Fault(pointer=pointer, code="too-many", detail=f"has more than {most} tags")
    for index, tag in enumerate(given[:most]):
        if not 1 <= len(tag) <= LONGEST_TAG or not tag.isprintable() or "," in tag:
            detail = f"must be 1 to {LONGEST_TAG} printable characters without a comma"
            yield Fault(pointer=f"{pointer}/{index}", code="tag", detail=detail)


def evolve(invalidations: Invalidations, _event: CacheInvalidated) -> Invalidations:
    """The count after an event."""
    return Invalidations(invalidations.count + 1)


CACHE: Decider[Invalidations, InvalidateCache, CacheInvalidated] = Decider(
    category="cache",
    events=CacheInvalidated,
    initial=Invalidations(),
    decide=decide,
    evolve=evolve,
)
