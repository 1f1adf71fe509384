"""Variants: what a flag serves, and to how many.

A variant's value travels as Unleash's payload, a type and a text, and is kept as that text: what
was imported is served again to the byte (https://docs.getunleash.io/reference/feature-toggle-variants).
"""

from typing import Any, Literal

import msgspec

FlagKind = Literal["boolean", "string", "number", "json"]
"""Of what type a flag's value is."""

PayloadType = Literal["string", "json", "csv", "number"]

WHOLE = 1000
"""What the weights of a flag's or a rule's variants add up to, in tenths of a percent."""


class Payload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value as a text: `number` and `json` are JSON, `string` and `csv` are as they stand."""

    type: PayloadType
    value: str


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who has one of these values in a field is served the variant, whatever its weight."""

    field: str
    values: tuple[str, ...]


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the things that a flag can serve.

    `weight` is in tenths of a percent. `stickiness` is the context's field that decides who is
    served what: `default` (userId, else sessionId, else chance), `random`, or the name of any
    field; that of the first variant counts. `fixed` weights stay when others are spread anew.
    """

    name: str
    weight: int
    payload: Payload | None = None
    stickiness: str = "default"
    fixed: bool = False
    overrides: tuple[Override, ...] = ()


def value_of(payload: Payload) -> Any:
    """The value that a payload's text stands for.

    Raises:
        ValueError: a `number` or `json` that is none.
    """
    if payload.type in {"string", "csv"}:
        return payload.value
    value = msgspec.json.decode(payload.value)
    if payload.type == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(payload.value)
    return value


def payload_of(value: Any) -> Payload:
    """A value as a payload: texts as `string`, numbers as `number`, everything else as `json`."""
    if isinstance(value, str):
        return Payload(type="string", value=value)
    plain = not isinstance(value, bool) and isinstance(value, int | float)
    return Payload(type="number" if plain else "json", value=msgspec.json.encode(value).decode())
