"""What leads from one state of a flag to another: for reverting, importing and comparing."""

from collections.abc import Iterator
from typing import Any

import msgspec

from domain.flags.edits import (
    Archive,
    Describe,
    Disable,
    Edit,
    Enable,
    Kill,
    Mark,
    Release,
    Revive,
    RollOut,
    SetRules,
)
from domain.flags.rules import Setting
from domain.flags.state import Flag, NoFlag


def edits_between(before: NoFlag | Flag, after: Flag) -> tuple[Edit, ...]:
    """The edits that make a flag what it is to be; none where it is so already."""
    return tuple(_edits(before, after))


def _edits(before: NoFlag | Flag, after: Flag) -> Iterator[Edit]:
    now = Flag(about=after.about) if isinstance(before, NoFlag) else before
    inner = list(_inner_edits(now, after))
    if now.archived and (inner or not after.archived):
        yield Revive()
    if isinstance(before, NoFlag):
        yield Describe(about=after.about)
    yield from inner
    if after.archived and (inner or not now.archived):
        yield Archive()


def _inner_edits(now: Flag, after: Flag) -> Iterator[Edit]:
    if now.about != after.about:
        yield Describe(about=after.about)
    for environment in sorted({*now.settings, *after.settings}):
        yield from _setting(environment, now.setting(environment), after.setting(environment))
    if now.killed != after.killed:
        yield Kill() if after.killed else Release()
    if now.stale != after.stale:
        yield Mark(stale=after.stale)


def _setting(environment: str, now: Setting, after: Setting) -> Iterator[Edit]:
    if (now.rules, now.variants) != (after.rules, after.variants):
        yield SetRules(environment=environment, rules=after.rules, variants=after.variants)
    if now.rollout != after.rollout:
        yield RollOut(environment=environment, rollout=after.rollout)
    if now.enabled != after.enabled:
        switch = Enable if after.enabled else Disable
        yield switch(environment=environment)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is not the same at a pointer (RFC 6901); None on the side that has nothing there."""

    pointer: str
    before: Any
    after: Any


def differences(before: NoFlag | Flag, after: NoFlag | Flag) -> list[Difference]:
    """Every place where two states of a flag are not the same, in order."""
    return list(_differing(_plain(before), _plain(after), ""))


def _plain(flag: NoFlag | Flag) -> Any:
    return {} if isinstance(flag, NoFlag) else msgspec.to_builtins(flag)


def _differing(before: Any, after: Any, pointer: str) -> Iterator[Difference]:
    if before == after and type(before) is type(after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from _differing(before.get(name), after.get(name), inner)
        return
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        for index in range(max(len(before), len(after))):
            old, new = (each[index] if index < len(each) else None for each in (before, after))
            yield from _differing(old, new, f"{pointer}/{index}")
        return
    yield Difference(pointer=pointer, before=before, after=after)
