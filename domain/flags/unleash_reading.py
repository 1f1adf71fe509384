"""Reading Unleash's documents (https://docs.getunleash.io/reference/api/legacy/unleash).

Three forms are told apart by what is in them. Where features hold their strategies, it is the
state of an old server (version 1) or what SDKs are served (version 2). Where strategies lie beside
the features, by the feature's name, it is the state of a newer server or the export of today's.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.flags.conditions import NOBODY, AllOf, AnyOf, InSegment
from domain.flags.documents import FlagSet, ImportedFlag
from domain.flags.places import Place, Report, quoted
from domain.flags.rules import Prerequisite, Rule, Setting
from domain.flags.state import PURPOSES, About, Segment
from domain.flags.unleash_checking import (
    check_about,
    check_rule,
    check_segment,
    check_variants,
)
from domain.flags.unleash_constraints import read_constraint
from domain.flags.unleash_exports import Exported, gathered, is_export
from domain.flags.unleash_extras import read_extras, with_extras
from domain.flags.unleash_variants import read_variants, with_stickiness

SIMPLE_TAG = "simple:"
"""Unleash's type of tags that are nothing but a word; the others bear their type before a colon."""

_BY_GROUP = {"gradualRolloutUserId", "gradualRolloutSessionId"}


def read_unleash(document: Any, environment: str) -> FlagSet:
    """What a document of any of Unleash's forms holds for one environment.

    Raises:
        Invalid: with everything that is wrong, and pointers into the document.
    """
    report = Report()
    root = Place(document, "", report)
    segments = _Segments(root)
    flags: dict[str, ImportedFlag] = {}
    if root.is_object() and not isinstance(document.get("features"), list):
        root.get("features").fault("type", "must be an array of features")
    export = gathered(root, environment) if is_export(root) else None
    for place in root.get("features").objects() if root.get("features").given else []:
        name = place.get("name").text()
        if name in flags:
            place.get("name").fault("duplicate", f"{quoted(name)} is there more than once")
        if name:
            flags[name] = _flag(place, name, segments, export)
    if export is not None:
        export.report_strangers(flags)
    report.raise_faults()
    flags = {name: _as_clients_see(root, name, flags) for name in flags}
    return FlagSet(
        flags=flags, segments=segments.defined, warnings=(*report.warnings, *report.tolerated)
    )


def _as_clients_see(root: Place, name: str, flags: Mapping[str, ImportedFlag]) -> ImportedFlag:
    """The flag, off where Unleash's clients have it off because of what it depends on."""
    flag, place = flags[name], root.get("features")
    for parent in (each.flag for each in flag.about.prerequisites):
        if parent in flags and flags[parent].about.prerequisites:
            detail = f"{quoted(name)} is off: {quoted(parent)} depends on others itself"
            place.warn("nested-dependency", detail)
            setting = msgspec.structs.replace(flag.setting, enabled=False)
            flag = msgspec.structs.replace(flag, setting=setting)
    return flag


class _Segments:
    """The document's segments: those that it defines, and all that it lists, by number and name."""

    def __init__(self, root: Place) -> None:
        self.numbered: dict[int, str] = {}
        self.names: set[str] = set()
        self.defined: dict[str, Segment] = {}
        for place in root.get("segments").objects():
            tolerated = len(place.report.tolerated)
            number = place.get("id").whole()
            name = place.get("name").text(f"segment-{number}") or f"segment-{number}"
            if number in self.numbered or name in self.names:
                place.fault("duplicate", f"segment {quoted(name)} is there more than once")
            self.numbered[number] = name
            self.names.add(name)
            constraints = [
                constraint
                for item in place.get("constraints").objects()
                if (constraint := read_constraint(item)) is not None
            ]
            if place.get("constraints").given:
                description = place.get("description").text("")
                condition = AllOf(of=tuple(constraints))
                check_segment(place, condition)
                self.defined[name] = Segment(description=description, condition=condition)
            place.report.insist(tolerated)

    def named(self, place: Place) -> tuple[InSegment | AnyOf, ...]:
        """The segments that a strategy lists by number; nobody is in one that is not there."""
        found: list[InSegment | AnyOf] = []
        for item in place.items():
            number = item.whole()
            if number not in self.numbered:
                item.tolerate("unknown-segment", f"there is no segment {number} in the document")
                found.append(NOBODY)
            else:
                found.append(InSegment(segment=self.numbered[number]))
        return tuple(found)


def _flag(place: Place, name: str, segments: _Segments, export: Exported | None) -> ImportedFlag:
    tolerated = len(place.report.tolerated)
    if export is None:
        enabled = place.get("enabled").boolean()
        variants = place.get("variants")
        strategies = place.get("strategies").objects()
        dependencies = place.get("dependencies").objects()
        tags = place.get("tags").objects()
    else:
        enabled = export.enabled(name)
        variants = export.variants(name, place.get("variants"))
        strategies = export.strategies.get(name, [])
        dependencies = export.dependencies.get(name, [])
        tags = export.tags.get(name, [])
    extras = read_extras(place.get("annals"))
    about = with_extras(
        About(
            description=place.get("description").text(""),
            group=name,
            purpose=_purpose(place.get("type")),
            project=place.get("project").text("default") or "default",
            impressions=place.get("impressionData").boolean(),
            tags=tuple(dict.fromkeys(_tag(tag) for tag in tags)),
            prerequisites=tuple(_prerequisite(each) for each in dependencies),
        ),
        extras,
    )
    check_about(place, about)
    setting = Setting(
        enabled=enabled or extras.enabled,
        rules=_rules(strategies, segments, about),
        variants=read_variants(variants),
    )
    check_variants(variants, setting.variants, about)
    archived = place.get("archived").boolean() or place.get("archivedAt").given
    stale = place.get("stale").boolean()
    return ImportedFlag(
        about=about,
        setting=setting,
        stale=stale,
        archived=archived,
        killed=extras.killed,
        faults=tuple(place.report.tolerated[tolerated:]),
    )


def _purpose(place: Place) -> Any:
    purpose = place.text("release")
    if purpose in PURPOSES:
        return purpose
    place.warn("unknown-type", f"{quoted(purpose)} is no type of flags here: taken as release")
    return "release"


def _tag(place: Place) -> str:
    kind = place.get("tagType") if place.get("tagType").given else place.get("type")
    value = place.get("tagValue") if place.get("tagValue").given else place.get("value")
    text = f"{_said(kind)}:{_said(value)}"
    bare = text.removeprefix(SIMPLE_TAG)
    return text if ":" in bare else bare


def _said(place: Place) -> str:
    """A part of a tag: it must be there, though it may be empty."""
    return "" if place.value == "" else place.text()


def _prerequisite(place: Place) -> Prerequisite:
    return Prerequisite(
        flag=place.get("feature").text(),
        enabled=place.get("enabled").boolean(default=True),
        variants=place.get("variants").texts(),
    )


def _rules(places: list[Place], segments: _Segments, about: About) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    taken: set[str] = set()
    for index, place in enumerate(places):
        number = index + 1
        identity = place.get("id").text("") or f"rule-{number}"
        while identity in taken:
            identity = f"{identity}-{number}"
        taken.add(identity)
        known = len(place.report.faults)
        rule = _rule(place, identity, segments)
        if len(place.report.faults) == known:
            check_rule(place, rule, about, segments.names)
        rules.append(rule)
    return tuple(rules)


def _rule(place: Place, identity: str, segments: _Segments) -> Rule:
    name = place.get("name")
    if not name.given and place.get("strategyName").given:
        name = place.get("strategyName")
    strategy = name.text()
    parameters = {key: each.word() for key, each in place.get("parameters").members()}
    _warn_of_group(place, strategy, parameters)
    constraints = [
        constraint
        for item in place.get("constraints").objects()
        if (constraint := read_constraint(item)) is not None
    ]
    return Rule(
        id=identity,
        title=place.get("title").text(""),
        disabled=place.get("disabled").boolean(),
        condition=AllOf(of=(*constraints, *segments.named(place.get("segments")))),
        strategy=strategy,
        parameters=parameters,
        variants=with_stickiness(
            read_variants(place.get("variants"), of_strategy=True),
            parameters.get("stickiness", "default"),
            place.get("variants"),
        ),
    )


def _warn_of_group(place: Place, strategy: str, parameters: Mapping[str, str]) -> None:
    if parameters.get("groupId"):
        return
    if "groupId" in parameters:
        detail = "is empty: here that stands for the flag's name, for some SDKs it does not"
        place.get("parameters").get("groupId").warn("group", detail)
    elif strategy in _BY_GROUP:
        detail = f"has no groupId: {strategy} takes the flag's name here, some SDKs then say no"
        place.get("parameters").warn("group", detail)
