"""One environment's flags as Unleash's SDKs are served them, kept in their encoded form.

Only what a change touches is written anew: the flag, those that depend on it, and the flags whose
rules name a segment that changed.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import msgspec
import structlog

from application.flags.flag_set import Change, FlagSet
from application.flags.relations import segments_used
from domain.flags.decider import FLAG
from domain.flags.documents import Inexpressible
from domain.flags.state import Flag
from domain.flags.unleash_segments import NumberedSegments, served_segments
from domain.flags.unleash_writing import unleash_feature

log = structlog.get_logger(__name__)

AT_ONCE = 100
"""Flags that are written before others get their turn."""
MOST_VIEWS = 64
NOWHERE = ""
"""Stands for every environment that no flag is set up in: callers name any they like."""

_encode = msgspec.json.Encoder().encode


class UnleashView:
    """What the SDKs of one environment are served, as of a set's `revision`.

    `features` and `segments` are encoded, by name and by number. `left_out` says of flags why
    Unleash has no words for them.
    """

    def __init__(self, flags: FlagSet, environment: str) -> None:
        """Nothing is written yet: `catch_up` does it."""
        self.revision = -1
        self._serial = -1
        self.features: dict[str, bytes] = {}
        self.segments: dict[int, bytes] = {}
        self.projects: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self._flags = flags
        self._environment = environment
        self._numbered = NumberedSegments(segments={}, numbers={})
        self._lock = asyncio.Lock()

    async def catch_up(self) -> None:
        """Write what has changed since."""
        async with self._lock:
            while self._serial < self._flags.serial:
                serial, revision = self._flags.serial, self._flags.revision
                changes = self._flags.changes_after(self._serial)
                await self._write(self._flags.keys() if changes is None else self._hit_by(changes))
                self._serial, self.revision = serial, revision

    def _hit_by(self, changes: Iterable[Change]) -> Iterable[str]:
        """The flags that may be served otherwise after changes."""
        names = {change.name for change in changes if change.category == FLAG.category}
        segments = {change.name for change in changes if change.category != FLAG.category}
        for key, flag in self._flags.flags.items():
            parents = {each.flag for each in flag.about.prerequisites}
            if parents & names or (segments and segments & segments_used(flag)):
                names.add(key)
        return names

    async def _write(self, keys: Iterable[str]) -> None:
        self._write_segments()
        flags = self._flags.flags
        for number, key in enumerate(list(keys), start=1):
            flag = flags.get(key)
            if flag is not None:
                self._write_feature(key, flag, flags)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _write_segments(self) -> None:
        self._numbered, served = served_segments(self._flags.segments)
        self.segments = {each["id"]: _encode(each) for each in served}

    def _write_feature(self, key: str, flag: Flag, flags: dict[str, Flag]) -> None:
        self.features.pop(key, None)
        self.left_out.pop(key, None)
        self.projects[key] = flag.about.project
        if flag.archived:
            return
        try:
            feature = unleash_feature(key, flag, self._environment, self._numbered, flags=flags)
        except Inexpressible as refusal:
            log.warning("flag_not_for_unleash", flag=key, reasons=list(refusal.reasons))
            self.left_out[key] = str(refusal)
            return
        self.features[key] = _encode(feature)


class UnleashViews:
    """The views of a process, those that were asked for last."""

    def __init__(self) -> None:
        """None yet."""
        self._views: OrderedDict[tuple[FlagSet, str], UnleashView] = OrderedDict()

    async def of(self, flags: FlagSet, environment: str) -> UnleashView:
        """The view of one environment, as new as the set is."""
        name = (flags, environment)
        if name not in self._views and not _is_known(flags, environment):
            name = (flags, NOWHERE)
        view = self._views.get(name)
        if view is None:
            view = self._views[name] = UnleashView(*name)
            if len(self._views) > MOST_VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end(name)
        await view.catch_up()
        return view


def _is_known(flags: FlagSet, environment: str) -> bool:
    return any(environment in flag.settings for flag in flags.flags.values())


def joined(encoded: Iterable[bytes]) -> bytes:
    """A JSON array of values that are encoded already."""
    return b"[%b]" % b",".join(encoded)


def differences(before: dict[Any, bytes], after: dict[Any, bytes]) -> tuple[list[Any], list[Any]]:
    """The names of what is new or other, and of what is gone."""
    changed = [name for name, encoded in after.items() if before.get(name) != encoded]
    return changed, [name for name in before if name not in after]
