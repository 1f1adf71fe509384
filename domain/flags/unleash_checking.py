"""What is wrong with flags that were read, said with pointers into Unleash's document.

What Unleash's clients take is taken, with a warning; the rule lets nobody in then.
"""

from collections.abc import Container

from domain.flags.checking import (
    faults_of_about,
    faults_of_condition,
    faults_of_setting,
    is_tolerable,
)
from domain.flags.conditions import MANY_VALUES, AllOf, Constraint
from domain.flags.places import Place
from domain.flags.rules import Rule, Setting
from domain.flags.state import About
from domain.flags.variants import Variant
from domain.rejections import Fault

_THEIRS = {"field": "contextName"}


def check_rule(place: Place, rule: Rule, about: About, segments: Container[str]) -> None:
    """Report what is wrong with a strategy."""
    setting = Setting(rules=(rule,), variants=())
    for fault in faults_of_setting(setting, about, segments, ""):
        tail = fault.pointer.removeprefix("/rules/0")
        if tail == "/strategy":
            tail = "/name" if place.get("name").given else "/strategyName"
        elif tail.startswith("/condition"):
            tail = _in_constraints(tail.removeprefix("/condition"), rule.condition)
        _report(place, fault, tail)


def check_segment(place: Place, condition: AllOf) -> None:
    """Report what is wrong with a segment."""
    for fault in faults_of_condition(condition, None, ""):
        _report(place, fault, _in_constraints(fault.pointer, condition))


def check_variants(place: Place, variants: tuple[Variant, ...], about: About) -> None:
    """Report what is wrong with a feature's variants."""
    for fault in faults_of_setting(Setting(variants=variants), about, (), ""):
        _report(place, fault, fault.pointer.removeprefix("/variants"))


def check_about(place: Place, about: About) -> None:
    """Report what is wrong with what a feature says about itself."""
    for fault in faults_of_about(about, ""):
        tail = fault.pointer.replace("/prerequisites", "/dependencies")
        _report(place, fault, tail.replace("/flag", "/feature"))


def _in_constraints(tail: str, condition: object) -> str:
    """Where a constraint lies that lies there in the condition: constraints come first."""
    parts = tail.split("/")
    if not isinstance(condition, AllOf) or len(parts) < 4:  # noqa: PLR2004 - "", of, index, member
        return "/constraints"
    constraint = condition.of[int(parts[2])]
    member = parts[3:]
    if not isinstance(constraint, Constraint):
        return "/segments"
    if member[0] == "values" and constraint.operator not in MANY_VALUES:
        member = ["value"]
    return "/".join(["/constraints", parts[2], *member])


def _report(place: Place, fault: Fault, tail: str) -> None:
    theirs = "/".join(_THEIRS.get(part, part) for part in tail.split("/"))
    pointer = f"{place.pointer}{theirs}"
    if fault.code == "percents":  # as the first documents had them; nothing is broken
        place.report.warn(pointer, fault.code, fault.detail)
    elif is_tolerable(fault):
        place.report.tolerate(pointer, fault.code, fault.detail)
    else:
        place.report.fault(pointer, fault.code, fault.detail)
