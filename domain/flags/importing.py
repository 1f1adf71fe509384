"""What a document would change: a plan, from the flags that are there and those that it holds."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from domain.flags.differences import edits_between
from domain.flags.documents import FlagSet, ImportedFlag
from domain.flags.edits import Edit
from domain.flags.rules import OFF, Setting
from domain.flags.state import About, Flag, NoFlag, Segment

Mode = Literal["merge", "replace"]
"""`replace` also empties the environment of every flag that the document does not hold."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done: edits by flag, those that others depend on first; segments by name.

    Flags and segments that are as the document has them already are left out.
    """

    flags: dict[str, tuple[Edit, ...]]
    segments: dict[str, Segment]


def plan_import(
    flags: Mapping[str, Flag],
    segments: Mapping[str, Segment],
    document: FlagSet,
    *,
    environment: str,
    mode: Mode,
) -> Plan:
    """The plan for one environment; what flags do in others stays as it is."""
    targets = {
        key: _target(flags.get(key), imported, environment)
        for key, imported in document.flags.items()
    }
    if mode == "replace":
        targets |= {
            key: _with_setting(flag, environment, OFF)
            for key, flag in flags.items()
            if key not in targets and environment in flag.settings and not flag.archived
        }
    edits = {
        key: edits_between(flags.get(key, NoFlag()), targets[key]) for key in _ordered(targets)
    }
    return Plan(
        flags={key: each for key, each in edits.items() if each},
        segments={
            name: segment
            for name, segment in document.segments.items()
            if segments.get(name) != segment
        },
    )


def _target(now: Flag | None, imported: ImportedFlag, environment: str) -> Flag:
    if now is None:
        flag = Flag(
            about=imported.about,
            stale=imported.stale,
            archived=imported.archived,
            killed=imported.killed,
        )
        return _with_setting(flag, environment, imported.setting)
    flag = msgspec.structs.replace(
        now,
        about=_about(now.about, imported.about),
        stale=imported.stale,
        archived=imported.archived,
        killed=now.killed or imported.killed,
    )
    return _with_setting(flag, environment, imported.setting)


def _about(now: About, imported: About) -> About:
    """What other systems' documents do not say stays as it is."""
    return msgspec.structs.replace(
        imported,
        group=now.group,
        owner=imported.owner or now.owner,
        tags=imported.tags or now.tags,
        lifetime=now.lifetime if imported.lifetime is None else imported.lifetime,
        protected=now.protected,
    )


def _with_setting(flag: Flag, environment: str, setting: Setting) -> Flag:
    return msgspec.structs.replace(flag, settings={**flag.settings, environment: setting})


def _ordered(targets: Mapping[str, Flag]) -> Iterable[str]:
    """The keys, each behind those of its prerequisites as far as that is possible."""
    placed: dict[str, None] = {}
    for key in targets:
        waiting = [key]
        entered: set[str] = set()
        while waiting:
            name = waiting[-1]
            parents = [each.flag for each in targets[name].about.prerequisites]
            missing = [each for each in parents if each in targets and each not in placed]
            if name in entered or not missing:
                placed[name] = None
                waiting.pop()
            else:
                entered.add(name)
                waiting += missing
    return placed
