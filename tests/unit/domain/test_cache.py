"""What is decided about a tenant's cache."""

from datetime import UTC, datetime

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from domain.cache import CACHE, CacheInvalidated, InvalidateCache, Invalidations
from domain.rejections import Invalid
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)


def invalidate(*tags: str, everything: bool = False) -> InvalidateCache:
    return InvalidateCache(tags=tags, everything=everything, at=AT)


def test_tags_are_recorded_once_and_in_order() -> None:
    given(CACHE).when(invalidate("b", "a", "b")).then(CacheInvalidated(tags=("a", "b")))


def test_everything_is_recorded_without_tags() -> None:
    given(CACHE).when(invalidate(everything=True)).then(CacheInvalidated(tags=()))


def test_it_is_recorded_every_time_because_something_may_be_on_its_way() -> None:
    before = CacheInvalidated(tags=("a",))
    given(CACHE, before, before).when(invalidate("a")).then(before)


@pytest.mark.parametrize("command", [invalidate(), invalidate("a", everything=True)])
def test_it_is_tags_or_everything(command: InvalidateCache) -> None:
    refused = given(CACHE).when(command).refused(Invalid)
    assert isinstance(refused, Invalid)
    assert [(each.pointer, each.code) for each in refused.faults] == [("/tags", "exclusive")]


def test_every_bad_tag_is_pointed_at() -> None:
    bad = invalidate("ok", "", "a,b", "x" * 201, "a\0b", "a\nb", "ü")
    refused = given(CACHE).when(bad).refused(Invalid)
    assert isinstance(refused, Invalid)
    assert [each.pointer for each in refused.faults] == [
        f"/tags/{each}" for each in (1, 2, 3, 4, 5)
    ]


def test_there_is_an_end_to_tags() -> None:
    refused = given(CACHE).when(invalidate(*map(str, range(101)))).refused(Invalid)
    assert isinstance(refused, Invalid)
    assert [each.code for each in refused.faults] == ["too-many"]


@examples(st.lists(st.builds(CacheInvalidated, tags=st.tuples(st.text()))))
def test_any_events_fold(events: list[CacheInvalidated]) -> None:
    assert CACHE.fold(events) == Invalidations(len(events))
