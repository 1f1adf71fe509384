"""Reading flagd's JsonLogic where a condition is wanted (https://jsonlogic.com/operations.html)."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from domain.flags.conditions import EVERYONE, Condition, Constraint, InSegment
from domain.flags.flagd_comparing import (
    HOLDS,
    TIMESTAMP,
    TURNED,
    Unsupported,
    compared,
    containing,
    versioned,
)
from domain.flags.flagd_constants import is_true
from domain.flags.places import Place, quoted
from domain.flags.simplifying import NOBODY, absent, all_of, any_of, opposite, there
from domain.flags.state import Segment

Read = TypeVar("Read")

FLAG_KEY = "$flagd.flagKey"
DEEPEST_LOGIC = 60
MOST_STEPS = 10_000
"""Operators that one flag's targeting may have, its shared evaluators spelt out."""

_FALSE = ("", "false", "0", "0.0", "-0", "-0.0")
"""Texts of values that do not count as true."""

_MOMENTS = {"<", "<=", ">", ">="}
_BINARY = {*_MOMENTS, "==", "===", "!=", "!==", "in", "starts_with", "ends_with"}


class Field(msgspec.Struct, frozen=True):
    """A field of the context, and what stands for it where it is not there."""

    name: str
    otherwise: Any = None


class Constant(msgspec.Struct, frozen=True):
    """A value that the document gives."""

    value: Any


Operand = Field | Constant


class Logic:
    """Reads the targeting of one flag after the other; evaluators become segments."""

    def __init__(self, evaluators: Place) -> None:
        self.evaluators = dict(evaluators.members())
        self.spelt_out: set[str] = set()
        self.segments: dict[str, Segment | None] = {}
        self.key: str | None = ""
        self.steps = 0
        self._entered: list[str] = []
        self._depth = 0

    def begin(self, key: str) -> None:
        """Go on with the flag of that key."""
        self.key = key
        self.steps = 0

    def condition(self, place: Place) -> Condition:
        """What an expression asks of the context; EVERYONE where it was refused."""
        try:
            return self.deeper(lambda: self._condition(place))
        except Unsupported as refusal:
            place.fault("unsupported", str(refusal))
            return EVERYONE

    def deeper(self, read: Callable[[], Read]) -> Read:
        """Read something that lies in an expression, within the bounds.

        Raises:
            Unsupported: that would go beyond them.
        """
        self.steps += 1
        if self._depth == DEEPEST_LOGIC or self.steps > MOST_STEPS:
            raise Unsupported(f"more than {DEEPEST_LOGIC} levels or {MOST_STEPS} parts")
        self._depth += 1
        try:
            return read()
        finally:
            self._depth -= 1

    def _condition(self, place: Place) -> Condition:
        if not isinstance(place.value, dict):
            return EVERYONE if is_true(place.value) else NOBODY
        operator = operator_of(place)
        arguments = arguments_of(place, operator)
        match operator:
            case "and":
                return all_of([self.condition(each) for each in arguments])
            case "or":
                return any_of([self.condition(each) for each in arguments])
            case "!" | "!!" if len(arguments) == 1:
                found = self.condition(arguments[0])
                return opposite(found) if operator == "!" else found
            case "if":
                return self._chosen(arguments)
            case "var":
                return self._truth(self.operand(place))
            case "$ref":
                return self._shared(place.get("$ref"))
        return self._comparison(operator, arguments)

    def _comparison(self, operator: str, arguments: list[Place]) -> Condition:
        match operator, len(arguments):
            case "sem_ver", 3:
                return self._versions(arguments)
            case "<" | "<=", 3:
                pairs = (arguments[:2], arguments[1:])
                return all_of([self._compared(operator, pair) for pair in pairs])
            case _, 2 if operator in _BINARY:
                return self._compared(operator, arguments)
        raise Unsupported(f"{quoted(operator)} with {len(arguments)} operands is not supported")

    def _chosen(self, arguments: list[Place]) -> Condition:
        """An `if` whose values are conditions themselves."""
        ways: list[Condition] = []
        passed: list[Condition] = []
        while len(arguments) > 1:
            test, value, *arguments = arguments
            condition = self.condition(test)
            ways.append(all_of([*passed, condition, self.condition(value)]))
            passed.append(opposite(condition))
        ways += [all_of([*passed, self.condition(each)]) for each in arguments]
        return any_of(ways)

    def _truth(self, operand: Operand) -> Condition:
        if isinstance(operand, Constant):
            return EVERYONE if is_true(operand.value) else NOBODY
        name = operand.name
        if name == TIMESTAMP:
            return EVERYONE
        false = Constraint(field=name, operator="IN", values=_FALSE)
        found = all_of([there(name), opposite(false)])
        return any_of([found, absent(name)]) if is_true(operand.otherwise) else found

    def _compared(self, operator: str, arguments: list[Place]) -> Condition:
        if operator in {"!=", "!=="}:
            return opposite(self._compared("==" if operator == "!=" else "===", arguments))
        if operator == "===":
            arguments[0].warn("types", '=== compares texts here: 5 and "5" are the same')
        one, other = (self.operand(each) for each in arguments)
        holds = HOLDS[operator]
        if isinstance(one, Constant) and isinstance(other, Constant):
            return EVERYONE if holds(one.value, other.value) else NOBODY
        if isinstance(one, Field) and isinstance(other, Field):
            raise Unsupported("two fields cannot be compared with each other")
        if operator not in _MOMENTS and Field(TIMESTAMP) in (one, other):
            raise Unsupported("a moment can be before or after another, nothing else")
        if isinstance(one, Field):
            value = other.value if isinstance(other, Constant) else None
            found = compared(operator, one.name, value)
            return _or_absent(found, one, missing=holds(one.otherwise, value))
        if not isinstance(other, Field):
            raise Unsupported("one operand must be a field")
        return self._turned(operator, one.value, other)

    def _turned(self, operator: str, value: Any, field: Field) -> Condition:
        missing = HOLDS[operator](value, field.otherwise)
        if operator == "in":
            return _or_absent(containing(field.name, value), field, missing=missing)
        if operator not in TURNED:
            raise Unsupported(f"{operator} is supported of a field and a text, in that order")
        found = compared(TURNED[operator], field.name, value)
        return _or_absent(found, field, missing=missing)

    def _versions(self, arguments: list[Place]) -> Condition:
        one, other = self.operand(arguments[0]), self.operand(arguments[2])
        operator = arguments[1].value
        if isinstance(other, Field):
            one, other = other, one
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
            operator = turned.get(operator, operator) if isinstance(operator, str) else operator
        if not isinstance(one, Field) or not isinstance(other, Constant):
            raise Unsupported("sem_ver compares a field with a version")
        if one.otherwise is not None or one.name == TIMESTAMP:
            raise Unsupported("sem_ver of a field with a default, or of the time")
        return versioned(one.name, operator, other.value)

    def operand(self, place: Place) -> Operand:
        """One side of a comparison.

        Raises:
            Unsupported: it is neither a field nor a constant.
        """
        if not isinstance(place.value, dict):
            return Constant(place.value)
        if list(place.value) != ["var"]:
            raise Unsupported("only fields and constants can be compared")
        said = place.value["var"]
        name, *rest = said if isinstance(said, list) and said else [said]
        if not isinstance(name, str) or not name or len(rest) > 1:
            raise Unsupported("a field is named by a text, and may have one default")
        otherwise = rest[0] if rest else None
        if isinstance(otherwise, dict | list):
            raise Unsupported("a field's default is a constant")
        if name == FLAG_KEY:
            if self.key is None:
                raise _NeedsFlag
            return Constant(self.key)
        if name.startswith("$flagd.") and name != TIMESTAMP:
            raise Unsupported(f"there is no {quoted(name)}")
        return Field(name, None if name == TIMESTAMP else otherwise)

    def expanded(self, place: Place, read: Callable[[Place], Any]) -> Any:
        """What an evaluator gives where its name stands; None where that was refused."""
        name = place.value
        if not isinstance(name, str) or name not in self.evaluators:
            place.fault("unknown-evaluator", f"there is no evaluator {quoted(str(name))}")
            return None
        if name in self._entered:
            place.fault("cycle", f"the evaluator {quoted(name)} refers to itself")
            return None
        self.spelt_out.add(name)
        self._entered.append(name)
        try:
            return self.deeper(lambda: read(self.evaluators[name]))
        finally:
            self._entered.pop()

    def _shared(self, place: Place) -> Condition:
        """An evaluator as a segment of its name, or spelt out where that cannot be."""
        name = place.value
        if not self._entered and isinstance(name, str) and name in self.evaluators:
            if name not in self.segments:
                self.segments[name] = self.segment(place)
            if self.segments[name] is not None:
                return InSegment(segment=name)
        found = self.expanded(place, self.condition)
        return EVERYONE if found is None else found

    def segment(self, place: Place) -> Segment | None:
        """What a reference to an evaluator stands for; None where that depends on the flag."""
        key, self.key = self.key, None
        try:
            found = self.expanded(place, self.condition)
        except _NeedsFlag:
            return None
        finally:
            self.key = key
        return Segment(condition=EVERYONE if found is None else found)


class _NeedsFlag(Exception):  # noqa: N818 - found out on the way
    """An evaluator asks for the flag's key."""


def operator_of(place: Place) -> str:
    """The one operator of an expression.

    Raises:
        Unsupported: it has none, or several.
    """
    if len(place.value) != 1:
        raise Unsupported(f"an expression has one operator, not {len(place.value)}")
    return str(next(iter(place.value)))


def arguments_of(place: Place, operator: str) -> list[Place]:
    """An operator's operands; a single one may stand without brackets."""
    inner = place.get(operator)
    return inner.items() if isinstance(inner.value, list) else [inner]


def _or_absent(found: Condition, field: Field, *, missing: bool) -> Condition:
    """A comparison that `missing` decides where the field is not there; the time always is."""
    if not missing or field.name == TIMESTAMP:
        return found
    return any_of([found, absent(field.name)])
