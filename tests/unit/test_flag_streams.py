"""Streams of flags' changes: nobody misses one, in whatever order they come."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from adapters.http.calls import Call
from adapters.http.flag_changes import changed_sets, resumed_behind, resumes_behind
from application.flags.flag_set import FlagRows, FlagSet
from application.states import Folded
from domain.flags.decider import FLAG
from domain.flags.state import About, Flag

A_FLAG = Flag(about=About(group=""))


def flag_set(position: int = 100, incarnation: UUID | None = None) -> FlagSet:
    flags = {"a": Folded(1, A_FLAG), "b": Folded(1, A_FLAG)}
    rows = FlagRows(
        position=position,
        incarnation=incarnation or uuid4(),
        revision=position,
        flags=flags,
        segments={},
    )
    return FlagSet(rows)


@dataclass
class Reader:
    """What streams ask a call for."""

    flags: FlagSet
    headers: dict[bytes, bytes] = field(default_factory=dict)
    tenant: str = "default"

    @property
    def platform(self) -> Any:
        return self

    @property
    def services(self) -> Any:
        return self

    @property
    def flag_sets(self) -> Any:
        return self

    async def of(self, tenant: str) -> FlagSet:
        assert tenant == "default"
        return self.flags

    @property
    def call(self) -> Call:
        return cast("Call", self)

    def replace(self, flags: FlagSet) -> None:
        old, self.flags = self.flags, flags
        old.news.set()


async def test_changes_are_told_out_of_their_order() -> None:
    reader = Reader(flag_set())
    stream = changed_sets(reader.call, reader.flags.revision)
    for name, position in (("a", 105), ("b", 104)):
        following = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        assert not following.done()
        reader.flags.learn(FLAG.category, name, Folded(2, A_FLAG), position)
        assert await following is reader.flags


async def test_who_was_told_before_an_earlier_change_arrived_resumes_before_it() -> None:
    reader = Reader(flag_set())
    reader.flags.learn(FLAG.category, "a", Folded(2, A_FLAG), 105)
    elsewhere = flag_set(105, reader.flags.incarnation)
    reader.headers[b"last-event-id"] = resumes_behind(reader.flags).encode()
    assert await resumed_behind(reader.call, elsewhere) < elsewhere.revision


@pytest.mark.parametrize("position", [100, 50], ids=["an outage", "a restore of an older log"])
async def test_a_set_in_anothers_place_is_told_and_followed(position: int) -> None:
    reader = Reader(flag_set())
    stream = changed_sets(reader.call, reader.flags.revision)
    following = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    fresh = flag_set(position)
    reader.replace(fresh)
    assert await following is fresh
    fresh.learn(FLAG.category, "a", Folded(2, A_FLAG), position + 1)
    assert await anext(stream) is fresh
