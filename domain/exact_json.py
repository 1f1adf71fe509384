"""JSON as it was written: numbers without loss, and what JSON leaves open found and named.

RFC 8259 lets a reader do as it likes with a member that comes twice and with a number that no
double holds; many write NaN although it forbids it. A registry of schemas must not guess: here
fractions become `Decimal`, integers `int` of any length, and everything doubtful is a fault with
a pointer and a code of its own.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.rejections import Fault

LONGEST_NUMBER = 1000
"""Characters of a number, and how far its exponent may lie from nought."""

MAX_DEPTH = 64
MOST_FAULTS = 50

_PLAIN = 40  # characters of a fraction that needs no second look

_SURROGATE = re.compile("[\\ud800-\\udfff]")


class Unreadable(ValueError):  # noqa: N818 - a fact about a text
    """A text that is no JSON to rely on; `faults` says what is wrong, and where."""

    def __init__(self, *faults: Fault) -> None:
        """List everything that was found."""
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = faults


class _Doubtful:
    """Stands in a value for what cannot be taken."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail


class _Doubled(dict[str, Any]):
    """An object some of whose members come more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        self.names = {name for name, _ in pairs if name in seen or seen.add(name)}  # type: ignore[func-returns-value]


class _Scan:
    """One reading: remembers whether anything doubtful was met."""

    def __init__(self) -> None:
        self.doubtful = False
        self.decode = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=self._fraction,
            parse_constant=self._constant,
        ).decode

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        self.doubtful = True
        return _Doubled(pairs)

    def _fraction(self, text: str) -> Decimal | _Doubtful:
        if len(text) < _PLAIN and "e" not in text and "E" not in text:
            return Decimal(text)
        if len(text) <= LONGEST_NUMBER:
            try:
                number = Decimal(text)
            except InvalidOperation:  # an exponent that is a number of its own
                number = Decimal("Infinity")
            if number.is_finite() and abs(number.adjusted()) <= LONGEST_NUMBER:
                return number
        self.doubtful = True
        return _Doubtful("number", "is a number too long or too large to be compared exactly")

    def _constant(self, text: str) -> _Doubtful:
        self.doubtful = True
        return _Doubtful("not-finite", f"is {text}, which JSON does not know")


def read(text: str | bytes, *, around: int = 0) -> Any:
    """The value of a JSON text, nested at most `MAX_DEPTH` deep within so many levels around it.

    Raises:
        Unreadable: with everything that is doubtful, a pointer and a code each.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError:
        raise Unreadable(_whole("json", "is not UTF-8")) from None
    scan = _Scan()
    try:
        value = scan.decode(decoded)
    except json.JSONDecodeError as error:
        place = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise Unreadable(_whole("json", f"is not JSON: {place}")) from None
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    except ValueError:  # Python's own bound on the digits of an integer
        raise Unreadable(_whole("number", "has an integer of too many digits")) from None
    depth = MAX_DEPTH + around
    if decoded.count("[") + decoded.count("{") > depth and _is_deep(value, depth):
        raise Unreadable(_TOO_DEEP)
    if scan.doubtful or ("\\u" in decoded and _has_surrogate(value)):
        faults = []
        for fault in _faults(value, ""):
            faults.append(fault)
            if len(faults) == MOST_FAULTS:
                break
        if faults:
            raise Unreadable(*faults)
    return value


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same to JSON: 1 is 1.0, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(equal(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def kind_of(value: Any) -> str:
    """JSON's word for what a value is; a number without a fraction is an integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case Decimal() | float():
            return "integer" if value == int(value) else "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case _:
            return "object"


def escaped(name: str) -> str:
    """A member's name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _has_surrogate(value: Any) -> bool:
    return _SURROGATE.search(json.dumps(value, ensure_ascii=False, default=str)) is not None


def _is_deep(value: Any, depth: int) -> bool:
    """Whether arrays and objects lie in each other deeper than that."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(depth):
        if not level:
            return False
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _faults(value: Any, pointer: str) -> Iterator[Fault]:
    if isinstance(value, _Doubtful):
        yield Fault(pointer=pointer, code=value.code, detail=value.detail)
    elif isinstance(value, str):
        if _SURROGATE.search(value):
            yield Fault(pointer=pointer, code="surrogate", detail="contains a lone surrogate")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _faults(each, f"{pointer}/{index}")
    elif isinstance(value, dict):
        yield from _member_faults(value, pointer)


def _member_faults(value: dict[str, Any], pointer: str) -> Iterator[Fault]:
    doubled = value.names if isinstance(value, _Doubled) else ()
    for name, each in value.items():
        readable = _SURROGATE.sub("\ufffd", name)
        inner = f"{pointer}/{escaped(readable)}"
        if readable != name:
            yield Fault(pointer=inner, code="surrogate", detail="is a name with a lone surrogate")
        if name in doubled:
            detail = f"{readable[:60]} is given more than once"
            yield Fault(pointer=inner, code="duplicate-key", detail=detail)
        yield from _faults(each, inner)


def _whole(code: str, detail: str) -> Fault:
    return Fault(pointer="", code=code, detail=detail)


_TOO_DEEP = _whole("depth", f"is nested deeper than {MAX_DEPTH}")
