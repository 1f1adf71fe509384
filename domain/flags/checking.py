"""What is wrong with a flag before it comes into force: a pointer and a code for each fault.

Codes are permanent, because clients match on them. Nothing that passes here is broken when it is
evaluated, except by what is taken away later.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import islice
from math import isfinite
from typing import Any

from domain.flags import readings
from domain.flags.conditions import (
    DEEPEST,
    MANY_VALUES,
    MOST_VALUES,
    AllOf,
    AnyOf,
    Condition,
    Constraint,
    InSegment,
)
from domain.flags.outcomes import value_for
from domain.flags.rules import EVERYBODY, STRATEGIES, Prerequisite, Rule, Setting
from domain.flags.state import About
from domain.flags.strategies import NETWORKS, REQUIRED_PARAMETERS, SHARES
from domain.flags.variants import WHOLE, FlagKind, Variant, value_of
from domain.rejections import Fault

MOST_FAULTS = 100
LONGEST_FIELD = 200
HEAVIEST = 2**31 - 1
"""What flagd's weights may add up to."""

_KINDS: dict[FlagKind, type | tuple[type, ...]] = {
    "boolean": bool,
    "string": str,
    "number": (int, float),
    "json": object,
}


def is_tolerable(fault: Fault) -> bool:
    """Whether Unleash's clients take a flag with this fault.

    Then the rule lets nobody in, and weights are shares of their sum, as once of a hundred.
    """
    return fault.code in _TOLERABLE or "/parameters/" in fault.pointer


def faults_of_about(about: About, pointer: str) -> list[Fault]:
    """What is wrong with what a flag says about itself, at most so many faults."""
    return list(islice(_about(about, pointer), MOST_FAULTS))


def faults_of_setting(
    setting: Setting, about: About, segments_known: Container[str], pointer: str
) -> list[Fault]:
    """What is wrong with a flag's setting in an environment, at most so many faults."""
    return list(islice(_setting(setting, about, segments_known, pointer), MOST_FAULTS))


def faults_of_condition(
    condition: Condition, segments_known: Container[str] | None, pointer: str
) -> list[Fault]:
    """What is wrong with a condition; without known segments it is a segment's own."""
    return list(islice(_condition(condition, segments_known, pointer, 1), MOST_FAULTS))


def _about(about: About, pointer: str) -> Iterator[Fault]:
    wrong = isinstance(about.default, bool) and about.kind in {"string", "number"}
    if about.default is not None and (wrong or not isinstance(about.default, _KINDS[about.kind])):
        yield _fault(f"{pointer}/default", "default", f"is not of the flag's kind, {about.kind}")
    if about.lifetime is not None and about.lifetime < 1:
        yield _fault(f"{pointer}/lifetime", "range", "must be a day or more")
    yield from _prerequisites(about.prerequisites, f"{pointer}/prerequisites")


def _prerequisites(prerequisites: tuple[Prerequisite, ...], pointer: str) -> Iterator[Fault]:
    yield from _doubled([each.flag for each in prerequisites], pointer, "flag")
    for index, prerequisite in enumerate(prerequisites):
        if not prerequisite.flag:
            yield _fault(f"{pointer}/{index}/flag", "empty", "must name a flag")
        if prerequisite.variants and not prerequisite.enabled:
            detail = "a flag that must be off serves no variant"
            yield _fault(f"{pointer}/{index}/variants", "exclusive", detail)


def _setting(
    setting: Setting, about: About, segments_known: Container[str], pointer: str
) -> Iterator[Fault]:
    if not 0 <= setting.rollout <= EVERYBODY:
        yield _fault(f"{pointer}/rollout", "range", f"must be 0 to {EVERYBODY} percent")
    yield from _doubled([rule.id for rule in setting.rules], f"{pointer}/rules", "id")
    names = {variant.name for variant in setting.variants}
    flagd = any(_spreads_variants_of_the_flag(rule) for rule in setting.rules)
    yield from _variants(setting.variants, about.kind, f"{pointer}/variants", flagd=flagd)
    for index, rule in enumerate(setting.rules):
        place = f"{pointer}/rules/{index}"
        if len(rule.id) > LONGEST_FIELD:
            yield _fault(f"{place}/id", "too-long", f"has more than {LONGEST_FIELD} characters")
        yield from _condition(rule.condition, segments_known, f"{place}/condition", 1)
        yield from _strategy(rule, place)
        flagd = rule.bucketing == "flagd"
        yield from _variants(rule.variants, about.kind, f"{place}/variants", flagd=flagd)
        if rule.serve and rule.variants:
            detail = "has variants of its own to serve already"
            yield _fault(f"{place}/serve", "exclusive", detail)
        elif rule.serve and rule.serve not in names:
            detail = f"the flag has no variant {_quoted(rule.serve)} here"
            yield _fault(f"{place}/serve", "unknown-variant", detail)


def _spreads_variants_of_the_flag(rule: Rule) -> bool:
    return rule.bucketing == "flagd" and not rule.variants and not rule.serve


def _condition(
    condition: Condition, segments_known: Container[str] | None, pointer: str, depth: int
) -> Iterator[Fault]:
    match condition:
        case Constraint():
            yield from _constraint(condition, pointer)
        case InSegment() if segments_known is None:
            detail = "a segment cannot be made of segments"
            yield _fault(f"{pointer}/segment", "nested-segment", detail)
        case InSegment():
            if segments_known is not None and condition.segment not in segments_known:
                detail = f"there is no segment {_quoted(condition.segment)}"
                yield _fault(f"{pointer}/segment", "unknown-segment", detail)
        case AllOf() | AnyOf() if depth > DEEPEST:
            yield _fault(pointer, "too-deep", f"conditions lie deeper than {DEEPEST} in each other")
        case AllOf() | AnyOf():
            for index, each in enumerate(condition.of):
                yield from _condition(each, segments_known, f"{pointer}/of/{index}", depth + 1)


def _constraint(constraint: Constraint, pointer: str) -> Iterator[Fault]:
    yield from _field(constraint.field, f"{pointer}/field")
    count, place = len(constraint.values), f"{pointer}/values"
    if constraint.operator not in MANY_VALUES and count != 1:
        yield _fault(place, "one-value", f"{constraint.operator} takes exactly one value")
        return
    if count > MOST_VALUES:
        yield _fault(place, "too-many", f"has more than {MOST_VALUES} values")
        return
    code = _CODES.get(constraint.operator.partition("_")[0])
    if code is not None:
        for index, value in enumerate(constraint.values):
            yield from _unreadable(code, value, f"{place}/{index}")


def _field(field: str, pointer: str) -> Iterator[Fault]:
    if not field:
        yield _fault(pointer, "empty", "must name a field of the context")
    elif len(field) > LONGEST_FIELD:
        yield _fault(pointer, "too-long", f"has more than {LONGEST_FIELD} characters")


def _unreadable(code: str, value: str, pointer: str) -> Iterator[Fault]:
    read, what = _READERS[code]
    try:
        read(value)
    except ValueError as error:
        why = f": {str(error)[:200]}" if code == "pattern" else ""
        yield _fault(pointer, code, f"{_quoted(value)} is not {what}{why}")


def _strategy(rule: Rule, pointer: str) -> Iterator[Fault]:
    if rule.strategy not in STRATEGIES:
        detail = f"there is no strategy {_quoted(rule.strategy)}"
        yield _fault(f"{pointer}/strategy", "unknown-strategy", detail)
        return
    required = REQUIRED_PARAMETERS.get(rule.strategy)
    if required is None:
        return
    place, text = f"{pointer}/parameters/{required}", rule.parameters.get(required)
    if text is None:
        yield _fault(place, "missing", f"{rule.strategy} needs it")
    elif required in SHARES:
        yield from _share(text, place)
    elif required in NETWORKS:
        for part in filter(None, (part.strip() for part in text.split(","))):
            yield from _unreadable("cidr", part, place)


def _share(text: str, pointer: str) -> Iterator[Fault]:
    if not (text.isascii() and text.isdigit()):
        yield _fault(pointer, "number", f"{_quoted(text)} is not a whole number of percent")
    elif len(text) > len(str(EVERYBODY)) or int(text) > EVERYBODY:
        yield _fault(pointer, "range", f"must be 0 to {EVERYBODY} percent")


def _variants(
    variants: tuple[Variant, ...], kind: FlagKind, pointer: str, *, flagd: bool
) -> Iterator[Fault]:
    """A `fractional` of flagd's may name a variant twice, and its weights add up to anything."""
    if not flagd:
        yield from _doubled([variant.name for variant in variants], pointer, "name")
    for index, variant in enumerate(variants):
        yield from _variant(variant, kind, f"{pointer}/{index}")
    total = sum(variant.weight for variant in variants)
    if not variants:
        return
    if flagd and not 0 < total <= HEAVIEST:
        yield _fault(pointer, "weights", f"weights must add up to 1 to {HEAVIEST}, not {total}")
    elif not flagd and total != WHOLE:
        code = "percents" if 0 < total <= EVERYBODY else "weights"
        yield _fault(pointer, code, f"weights must add up to {WHOLE}, not {total}")


def _variant(variant: Variant, kind: FlagKind, pointer: str) -> Iterator[Fault]:
    if not variant.name:
        yield _fault(f"{pointer}/name", "empty", "must have a name")
    if variant.weight < 0:
        yield _fault(f"{pointer}/weight", "range", "must not be negative")
    if len(variant.stickiness) > LONGEST_FIELD:
        yield from _field(variant.stickiness, f"{pointer}/stickiness")
    for index, override in enumerate(variant.overrides):
        place = f"{pointer}/overrides/{index}"
        yield from _field(override.field, f"{place}/field")
        if len(override.values) > MOST_VALUES:
            yield _fault(f"{place}/values", "too-many", f"has more than {MOST_VALUES} values")
    if variant.payload is not None:
        try:
            value_of(variant.payload)
            value_for(kind, variant.payload)
        except (ValueError, RecursionError):
            detail = f"a {variant.payload.type} like this is nothing for a flag of kind {kind}"
            yield _fault(f"{pointer}/payload", "payload", detail)


def _doubled(names: Iterable[str], pointer: str, member: str) -> Iterator[Fault]:
    given = list(names)
    often = {name for name, count in Counter(given).items() if count > 1}
    seen: set[str] = set()
    for index, name in enumerate(given):
        if name in often and name in seen:
            detail = f"{_quoted(name)} was there before"
            yield _fault(f"{pointer}/{index}/{member}", "duplicate", detail)
        seen.add(name)


def _quoted(text: str) -> str:
    return f'"{text[:60]}"'


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)


def _number(text: str) -> float:
    """A number that Unleash's engine can read too: it wants a digit before the point."""
    found = readings.number(text)
    if not isfinite(found) or not text.lstrip("+-")[:1].isdigit():
        raise ValueError(text)
    return found


def _pattern(text: str) -> Any:
    return readings.pattern(text, case_insensitive=False)


_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "number": (_number, "a number"),
    "date": (readings.moment, "a date and time with an offset (RFC 3339)"),
    "semver": (readings.version, "a semantic version"),
    "pattern": (_pattern, "a pattern of RE2"),
    "cidr": (readings.network, "an address or a network"),
}

_TOLERABLE = {*_READERS, "unknown-strategy", "unknown-segment", "percents", "payload"}

_CODES = {
    "NUM": "number",
    "DATE": "date",
    "SEMVER": "semver",
    "REGEX": "pattern",
    "CIDR": "cidr",
}
"""The code of a value that the operators of a group cannot read."""
