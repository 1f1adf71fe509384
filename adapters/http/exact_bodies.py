"""JSON bodies whose numbers must not lose anything and whose members must not come twice.

Elsewhere the last of two members counts and a fraction is a double. A schema, or a value that is
held against one, is read as it was written.
"""

from typing import Any, TypeVar

import msgspec

from adapters.http.faults import find_faults
from adapters.http.problems import MalformedJson
from domain import exact_json
from domain.exact_json import Unreadable
from domain.rejections import Invalid

T = TypeVar("T", bound=msgspec.Struct)

_ENVELOPE = 1  # how much deeper than its content a body is nested


def exact_value(raw: bytes) -> Any:
    """The body's value.

    Raises:
        MalformedJson: when it is not JSON at all.
        Unreadable: when it has what no reader may rely on.
    """
    try:
        return exact_json.read(raw, around=_ENVELOPE)
    except Unreadable as error:
        if error.faults[0].code == "json":
            raise MalformedJson(f"The body {error.faults[0].detail}.") from None
        raise


def exact_body(raw: bytes, type_: type[T]) -> T:
    """The body as a struct, whose fractions are `Decimal`.

    Raises:
        MalformedJson: when it is not JSON at all.
        Invalid: with all that is wrong, doubled members and inexact numbers among it.
    """
    try:
        value = exact_value(raw)
    except Unreadable as error:
        raise Invalid(*error.faults) from None
    return converted(value, type_)


def converted(value: Any, type_: type[T]) -> T:
    """A value as a struct.

    Raises:
        Invalid: with all that is wrong.
    """
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError:
        raise Invalid(*find_faults(value, type_, "")) from None
