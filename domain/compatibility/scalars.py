"""What a wide schema asks of numbers and of texts, and whether the narrow one promises it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from domain.compatibility.documents import Part
from domain.compatibility.findings import Break
from domain.compatibility.narrow import Exact, Narrow, matches

if TYPE_CHECKING:
    from domain.compatibility.proof import Proof


def number_breaks(proof: "Proof", known: Narrow, wide: Part) -> list[Break]:
    """What a wide schema asks of numbers beyond what the narrow one promises."""
    return [
        proof.broken(known, wide, word, reason) for word, reason in _numbers(known, wide.schema)
    ]


def _numbers(known: Narrow, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    least, above = known.most("minimum"), known.most("exclusiveMinimum")
    most, below = known.least("maximum"), known.least("exclusiveMaximum")
    if (limit := schema.get("minimum")) is not None and not (
        _at_least(least, limit) or _at_least(above, limit)
    ):
        yield "minimum", f"asks for at least {limit}"
    if (limit := schema.get("exclusiveMinimum")) is not None and not (
        (least is not None and least > limit) or _at_least(above, limit)
    ):
        yield "exclusiveMinimum", f"asks for more than {limit}"
    if (limit := schema.get("maximum")) is not None and not (
        _at_most(most, limit) or _at_most(below, limit)
    ):
        yield "maximum", f"asks for at most {limit}"
    if (limit := schema.get("exclusiveMaximum")) is not None and not (
        (most is not None and most < limit) or _at_most(below, limit)
    ):
        yield "exclusiveMaximum", f"asks for less than {limit}"
    factor = schema.get("multipleOf")
    if factor is not None and not _is_multiple(known, factor):
        yield "multipleOf", f"asks for multiples of {factor}"


def _at_least(known: Any, limit: Any) -> bool:
    return known is not None and known >= limit


def _at_most(known: Any, limit: Any) -> bool:
    return known is not None and known <= limit


def _is_multiple(known: Narrow, factor: Any) -> bool:
    factors = [1] if known.integers else []
    factors += known.all("multipleOf")
    factors += [part.schema["const"] for part in known.parts if isinstance(part.schema, Exact)]
    return any(_divides(factor, each) for each in factors)


def _divides(factor: Any, number: Any) -> bool:
    """Whether a number is a multiple, without the rounding of a decimal context."""
    one, other = Decimal(str(number)).as_integer_ratio(), Decimal(str(factor)).as_integer_ratio()
    return (one[0] * other[1]) % (other[0] * one[1]) == 0


def string_breaks(proof: "Proof", known: Narrow, wide: Part) -> list[Break]:
    """What a wide schema asks of texts beyond what the narrow one promises."""
    return [
        proof.broken(known, wide, word, reason) for word, reason in _strings(known, wide.schema)
    ]


def _strings(known: Narrow, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from length_breaks(known, schema, "minLength", "maxLength", "characters")
    pattern = schema.get("pattern")
    if pattern is not None and pattern not in known.all("pattern"):
        texts = [part.schema["const"] for part in known.parts if isinstance(part.schema, Exact)]
        if not any(matches(pattern, text) for text in texts):
            yield "pattern", f"asks for the pattern {pattern[:100]}"
    form = schema.get("format")
    if form is not None and form not in known.all("format"):
        yield "format", f"asks for the format {str(form)[:60]}"


def length_breaks(
    known: Narrow, schema: dict[str, Any], least: str, most: str, of: str
) -> Iterator[tuple[str, str]]:
    """Where a wide schema bounds a length or count more tightly than the narrow one."""
    if not (known.most(least) or 0) >= schema.get(least, 0):
        yield least, f"asks for at least {schema[least]} {of}"
    limit = schema.get(most)
    if limit is not None and not _at_most(known.least(most), limit):
        yield most, f"asks for at most {limit} {of}"
