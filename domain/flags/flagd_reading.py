"""Reading flagd's definitions (https://flagd.dev/reference/flag-definitions/).

A flag's variants keep their names and are its values; targeting becomes rules. What would not give
flagd's answers exactly is refused where it stands.
"""

from typing import Any

import msgspec

from domain.flags.checking import faults_of_about, faults_of_setting
from domain.flags.documents import FlagSet, ImportedFlag
from domain.flags.flagd_about import read_about
from domain.flags.flagd_conditions import Logic
from domain.flags.flagd_targeting import Targeting, rules_of
from domain.flags.places import MOST_FAULTS, Place, Report, is_number, json_text, quoted
from domain.flags.rules import EVERYBODY, Setting
from domain.flags.state import About, Segment
from domain.flags.variants import WHOLE, FlagKind, Payload, Variant, value_of

_STATES = {"ENABLED": True, "DISABLED": False}
_MEMBERS = {"key", "state", "variants", "defaultVariant", "targeting", "metadata", "$comment"}
_PAYLOADS: dict[FlagKind, Any] = {
    "boolean": "json",
    "string": "string",
    "number": "number",
    "json": "json",
}


def read_flagd(document: Any) -> FlagSet:
    """What a document of flagd's definitions holds.

    Raises:
        Invalid: with everything that is wrong or not supported, and pointers into the document.
    """
    report = Report()
    root = Place(document, "", report)
    flags: dict[str, ImportedFlag] = {}
    if root.is_object():
        logic = Logic(root.get("$evaluators"))
        for key, place in _flags(root.get("flags")):
            if key in flags:
                place.fault("duplicate", f"{quoted(key)} is there more than once")
            if len(report.faults) >= MOST_FAULTS:
                break
            logic.begin(key)
            flags[key] = _flag(place, key, logic, root.get("metadata"))
        segments = _segments(logic, root.get("$evaluators"))
    report.raise_faults()
    return FlagSet(flags=flags, segments=segments, warnings=tuple(report.warnings))


def _flags(place: Place) -> list[tuple[str, Place]]:
    if isinstance(place.value, list):
        return [(each.get("key").text(), each) for each in place.objects()]
    if not place.given:
        place.fault("type", "must be an object of flags")
    found = [(key, each) for key, each in place.members() if each.is_object()]
    for key, each in found:
        if not key:
            each.fault("type", "must have a key that is not empty")
    return found


def _segments(logic: Logic, evaluators: Place) -> dict[str, Segment]:
    """The evaluators that are conditions; what is used nowhere and is none is only mentioned."""
    apart = Report()
    spare = Logic(Place(evaluators.value, evaluators.pointer, apart))
    for name, place in logic.evaluators.items():
        if name not in logic.segments and name not in logic.spelt_out:
            apart.forget()
            spare.begin("")
            segment = spare.segment(Place(name, "", apart))
            if segment is None or apart.faults:
                place.warn("unused", "is used by no flag and is no condition: left out")
            else:
                logic.segments[name] = segment
    return {name: each for name, each in logic.segments.items() if each is not None}


def _flag(place: Place, key: str, logic: Logic, of_set: Place) -> ImportedFlag:
    for name, member in place.members():
        if name not in _MEMBERS:
            member.warn("unknown-member", f"flags have no {quoted(name)}: left out")
    kind, variants = _variants(place.get("variants"))
    default = _default(place.get("defaultVariant"), variants)
    about = About(group=key, kind=kind)
    payload = variants[default].payload if default is not None else None
    if payload is not None:
        about = msgspec.structs.replace(about, default=value_of(payload))
    about = read_about(of_set, place.get("metadata"), about)
    setting = Setting(
        enabled=_is_enabled(place.get("state")),
        variants=tuple(_with_default(variants, default)),
        rollout=EVERYBODY if default is not None else 0,
    )
    targeting = place.get("targeting")
    if targeting.given and targeting.value != {}:
        ways = Targeting(logic, key, variants).ways(targeting)
        setting = msgspec.structs.replace(setting, rules=rules_of(ways, default))
    _check(place, about, setting, logic)
    metadata = place.get("metadata")
    return ImportedFlag(
        about=about,
        setting=setting,
        stale=metadata.get("stale").boolean(),
        archived=metadata.get("archived").boolean(),
    )


def _is_enabled(place: Place) -> bool:
    state = place.text("ENABLED")
    if state not in _STATES:
        place.fault("unknown-state", "must be ENABLED or DISABLED")
    return _STATES.get(state, False)


def _default(place: Place, variants: dict[str, Variant]) -> str | None:
    if not place.given:
        return None
    name = place.text()
    if name in variants:
        return name
    if name:
        place.fault("unknown-variant", f"the flag has no variant {quoted(name)}")
    return None


def _variants(place: Place) -> tuple[FlagKind, dict[str, Variant]]:
    """The flag's kind, which is that of all values, and its variants without weights."""
    found: dict[str, Variant] = {}
    kinds: list[FlagKind] = []
    if not place.given:
        place.fault("type", "must be an object of values by name")
    for name, each in place.members():
        kind = _kind(each.value)
        if not name or kind is None:
            each.fault("type", "must have a name, and be true, false, a text, number or object")
            continue
        if kinds and kind != kinds[0]:
            each.fault("mixed-types", f"must be a {kinds[0]}, as the variants before")
        kinds.append(kind)
        text = each.value if kind == "string" else json_text(each.value)
        payload = Payload(type=_PAYLOADS[kind], value=text)
        found[name] = Variant(name=name, weight=0, payload=payload)
    if place.given and not found:
        place.fault("type", "must hold a variant")
    return (kinds[0] if kinds else "boolean"), found


def _kind(value: Any) -> FlagKind | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if is_number(value):
        return "number"
    return "json" if isinstance(value, dict) else None


def _with_default(variants: dict[str, Variant], default: str | None) -> list[Variant]:
    """The variants, of which the default has the whole weight: without rules it is served."""
    whole = default if default is not None else next(iter(variants), "")
    return [
        msgspec.structs.replace(variant, weight=WHOLE) if name == whole else variant
        for name, variant in variants.items()
    ]


def _check(place: Place, about: About, setting: Setting, logic: Logic) -> None:
    """Report what no operator has minded yet: conditions too deep, lists too long."""
    if place.report.faults:
        return
    for fault in faults_of_about(about, ""):
        place.get("metadata").fault(fault.code, fault.detail)
    for fault in faults_of_setting(setting, about, logic.segments, ""):
        where = "targeting" if fault.pointer.startswith("/rules") else "variants"
        place.get(where).fault(fault.code, fault.detail)
