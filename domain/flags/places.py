"""Reading documents that nobody has checked: every surprise is a fault with a pointer, no error."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from domain.exact_json import escaped, kind_of
from domain.rejections import Fault, Invalid

MOST_FAULTS = 50
LONGEST_QUOTE = 60
"""Characters of a document that a fault repeats."""


class _Absent:
    """Stands where a document says nothing."""


ABSENT: Final = _Absent()

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Report:
    """What is wrong with a document, in the order in which it was met."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.tolerated: list[Fault] = []
        self._said: set[Fault] = set()

    def fault(self, pointer: str, code: str, detail: str) -> None:
        """Note a reason to refuse the document, once."""
        self._note(self.faults, Fault(pointer=pointer, code=code, detail=detail))

    def warn(self, pointer: str, code: str, detail: str) -> None:
        """Note something that the document's author should know, once."""
        self._note(self.warnings, Fault(pointer=pointer, code=code, detail=detail))

    def tolerate(self, pointer: str, code: str, detail: str) -> None:
        """Note something that is wrong, and is taken all the same where it breaks nothing."""
        self._note(self.tolerated, Fault(pointer=pointer, code=code, detail=detail))

    def insist(self, since: int) -> None:
        """Refuse what was tolerated after so many notes."""
        self.faults += self.tolerated[since:]
        del self.tolerated[since:]

    def _note(self, notes: list[Fault], fault: Fault) -> None:
        if fault not in self._said:
            self._said.add(fault)
            notes.append(fault)

    def forget(self) -> None:
        """Begin anew."""
        self.faults.clear()
        self.warnings.clear()
        self.tolerated.clear()
        self._said.clear()

    def raise_faults(self) -> None:
        """Refuse the document if anything is wrong with it.

        Raises:
            Invalid: with everything, up to a bound.
        """
        if self.faults:
            raise Invalid(*self.faults[:MOST_FAULTS])


class Place:
    """One value in a document; reads it as what it should be, or reports and gives the default.

    A member that is null counts as left out, as the systems that write these documents have it.
    """

    def __init__(self, value: Any, pointer: str, report: Report) -> None:
        self.value = value
        self.pointer = pointer
        self.report = report

    @property
    def given(self) -> bool:
        """Whether the document says anything here."""
        return self.value is not ABSENT and self.value is not None

    def fault(self, code: str, detail: str) -> None:
        """Note that something is wrong here."""
        self.report.fault(self.pointer, code, detail)

    def warn(self, code: str, detail: str) -> None:
        """Note that something here means less than it seems to."""
        self.report.warn(self.pointer, code, detail)

    def tolerate(self, code: str, detail: str) -> None:
        """Note that something here is wrong, and is taken all the same where it breaks nothing."""
        self.report.tolerate(self.pointer, code, detail)

    def get(self, name: str) -> "Place":
        """A member, whether it is there or not."""
        value = self.value.get(name, ABSENT) if isinstance(self.value, dict) else ABSENT
        return Place(value, f"{self.pointer}/{escaped(name)}", self.report)

    def is_object(self) -> bool:
        """Whether there are members to be read; anything else is a fault."""
        if not isinstance(self.value, dict):
            self._expected("an object")
            return False
        return True

    def members(self) -> Iterator[tuple[str, "Place"]]:
        """The members of an object; none where it was left out."""
        if self.given and self.is_object():
            for name in self.value:
                yield name, self.get(name)

    def items(self) -> list["Place"]:
        """The items of an array; none where it was left out."""
        if not self.given:
            return []
        if not isinstance(self.value, list):
            self._expected("an array")
            return []
        return [
            Place(item, f"{self.pointer}/{index}", self.report)
            for index, item in enumerate(self.value)
        ]

    def objects(self) -> list["Place"]:
        """The items of an array of objects; others are faults."""
        return [item for item in self.items() if item.is_object()]

    def text(self, default: str | None = None) -> str:
        """A text; without a default it must be there and hold something."""
        if isinstance(self.value, str) and (self.value or default is not None):
            return self.value
        if self.given or default is None:
            self._expected("a text" if default is not None else "a text that is not empty")
        return default or ""

    def texts(self) -> tuple[str, ...]:
        """An array of texts, where numbers and booleans count as their JSON text."""
        return tuple(item.word() for item in self.items())

    def word(self) -> str:
        """A text, or the JSON text of a number or a boolean."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bool) or is_number(self.value):
            return json_text(self.value)
        self._expected("a text")
        return ""

    def boolean(self, *, default: bool = False) -> bool:
        """True or false."""
        if isinstance(self.value, bool):
            return self.value
        if self.given:
            self._expected("true or false")
        return default

    def whole(self, default: int | None = None) -> int:
        """A whole number; without a default it must be there."""
        value = self.value
        if isinstance(value, float | Decimal) and is_number(value) and value == value // 1:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if self.given or default is None:
            self._expected("a whole number")
        return default or 0

    def _expected(self, what: str) -> None:
        endless = isinstance(self.value, float | Decimal) and not is_number(self.value)
        found = "nothing" if self.value is ABSENT or endless else kind_of(self.value)
        self.fault("type", f"must be {what}, not {found}")


def quoted(text: str) -> str:
    """A piece of a document, short enough to be repeated."""
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."


def is_number(value: Any) -> bool:
    """Whether it is a number to JSON, and to a double."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    try:
        return math.isfinite(value)
    except (OverflowError, ValueError):
        return False


def json_text(value: Any) -> str:
    """The JSON text of a value as documents are read, fractions being `float` or `Decimal`."""
    return _ENCODER.encode(value).decode()
