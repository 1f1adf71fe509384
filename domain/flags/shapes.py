"""The shape of rules, which other systems' forms do not keep: documents of ours say it beside them.

A rollout becomes a rule there, alternatives become several strategies, a served variant a split.
What comes back gives the same answers and looks otherwise. So a document also holds, in the member
`annals`, the settings that would look otherwise; other systems read past it. Reading, they only
count while the document's own words mean the same: whoever changed those has changed the flag.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from domain.flags.checking import faults_of_setting, is_tolerable
from domain.flags.documents import FlagSet, ImportedFlag
from domain.flags.places import Place, Report
from domain.flags.rules import EVERYBODY, Rule, Setting
from domain.flags.state import Flag
from domain.flags.variants import Variant
from domain.rejections import Invalid

MEMBER = "annals"

Read = Callable[[dict[str, Any]], FlagSet]
"""Reads a document of one form."""

Write = Callable[[Mapping[str, Flag]], dict[str, Any]]
"""Writes those flags that the form has words for."""


class Shape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a flag does in an environment, but for whether it is on."""

    rollout: int = EVERYBODY
    rules: tuple[Rule, ...] = ()
    variants: tuple[Variant, ...] = ()


def with_shapes(
    document: dict[str, Any], flags: Mapping[str, Flag], environment: str, read: Read
) -> dict[str, Any]:
    """A document that was written of flags, with the shapes that it does not keep."""
    try:
        found = read(document).flags
    except Invalid:
        return document
    shapes = {
        key: shape
        for key, flag in found.items()
        if (shape := shape_of(flags[key].setting(environment))) != shape_of(flag.setting)
    }
    if not shapes:
        return document
    said = {**document.get(MEMBER, {}), "shapes": msgspec.to_builtins(shapes)}
    return {**document, MEMBER: said}


def shape_of(setting: Setting) -> Shape:
    """The shape of a setting."""
    return Shape(rollout=setting.rollout, rules=setting.rules, variants=setting.variants)


def in_shape(
    document: dict[str, Any], found: FlagSet, environment: str, write: Write, read: Read
) -> FlagSet:
    """What was read from a document, in the shapes that it says, where they mean the same."""
    report = Report()
    place = Place(document, "", report).get(MEMBER).get("shapes")
    shapes = _read(place, found) if isinstance(place.value, dict) else {}
    candidates = {
        key: Flag(about=found.flags[key].about, settings={environment: _setting(shape)})
        for key, shape in shapes.items()
    }
    flags = dict(found.flags)
    again = read(write(candidates)).flags if shapes else {}
    for key, shape in shapes.items():
        imported = flags[key]
        if key in again and shape_of(again[key].setting) == shape_of(imported.setting):
            flags[key] = _shaped(imported, shape)
        else:
            place.get(key).warn("shape", "means something else than the flag here: left out")
    warnings = (*found.warnings, *report.warnings)
    return msgspec.structs.replace(found, flags=flags, warnings=warnings)


def _read(place: Place, found: FlagSet) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for key, each in place.members():
        try:
            shape = msgspec.convert(each.value, Shape)
        except (msgspec.ValidationError, RecursionError) as error:
            each.warn("type", f"{str(error)[:200]}: left out")
            continue
        flag = found.flags.get(key)
        if flag is None or _is_broken(shape, flag, found):
            each.warn("shape", "is none for a flag of the document: left out")
        else:
            shapes[key] = shape
    return shapes


def _is_broken(shape: Shape, flag: ImportedFlag, found: FlagSet) -> bool:
    """Whether the shape has faults that no document may have."""
    faults = faults_of_setting(_setting(shape), flag.about, found.segments, "")
    return not all(map(is_tolerable, faults))


def _setting(shape: Shape) -> Setting:
    return Setting(rollout=shape.rollout, rules=shape.rules, variants=shape.variants)


def _shaped(imported: ImportedFlag, shape: Shape) -> ImportedFlag:
    setting = msgspec.structs.replace(_setting(shape), enabled=imported.setting.enabled)
    return msgspec.structs.replace(imported, setting=setting)
