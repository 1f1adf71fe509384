"""Constraints compiled into closures that say whether a context's field compares as wanted.

Whatever can be known before a context is there (sets, folded texts, parsed numbers, networks,
patterns) is worked out once. Semantics are those of Unleash's engine: a context without the field,
or with a text that stands for nothing, fits no comparison, and an inverted one always.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from domain.flags import readings
from domain.flags.conditions import Constraint, Operator
from domain.flags.context import Context, InvalidContext

Holds = Callable[[Context], bool]

MOST_COMPARED = 20_000_000
"""Characters times values that are searched: some 100 ms at the worst."""

MOST_SHARED = 1000
"""Constraints, and segments' conditions, whose closures are kept for all rules that have them."""

_SAME = 2.0**-52
"""How near numbers count as equal: the engine's epsilon."""


@lru_cache(MOST_SHARED)
def compile_constraint(constraint: Constraint) -> Holds:
    """Whether a context's field compares as the constraint wants, as a closure.

    Rules of many flags often want the same: one closure for all is less memory to go through.

    Raises:
        ValueError: a value that its operator cannot read.
    """
    if constraint.operator in {"IN", "NOT_IN"}:
        return _membership(constraint, (constraint.operator == "IN") != constraint.inverted)
    holds = _COMPILERS[constraint.operator](constraint)
    return inverted(holds) if constraint.inverted else holds


def inverted(holds: Holds) -> Holds:
    """Holds where the other does not."""
    return lambda context: not holds(context)


def _membership(constraint: Constraint, wanted: bool) -> Holds:  # noqa: FBT001 - in or not in
    field = constraint.field
    if constraint.case_insensitive:
        folded = frozenset(value.lower() for value in constraint.values)

        def holds(context: Context) -> bool:
            text = context.fields[field]
            return (text is not None and text.lower() in folded) == wanted

        return holds
    values = frozenset(constraint.values)
    if wanted:
        return lambda context: context.fields[field] in values
    return lambda context: context.fields[field] not in values


def _text(constraint: Constraint) -> Holds:
    field, values = constraint.field, tuple(constraint.values)
    fold = constraint.case_insensitive
    if fold:
        values = tuple(value.lower() for value in values)
    fits = _TEXT_FITS[constraint.operator](values)

    def holds(context: Context) -> bool:
        text = context.fields[field]
        if text is None:
            return False
        return fits(text.lower() if fold else text)

    return holds


def _contains(values: tuple[str, ...]) -> Callable[[str], bool]:
    longest = MOST_COMPARED // max(1, len(values))

    def fits(text: str) -> bool:
        if len(text) > longest:
            raise InvalidContext("is too long to be searched for so many values")
        return any(value in text for value in values)

    return fits


def _starts(values: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda text: text.startswith(values)


def _ends(values: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda text: text.endswith(values)


_TEXT_FITS: dict[str, Callable[[tuple[str, ...]], Callable[[str], bool]]] = {
    "STR_CONTAINS": _contains,
    "STR_STARTS_WITH": _starts,
    "STR_ENDS_WITH": _ends,
}


def _number(constraint: Constraint) -> Holds:
    key, value = (readings.number, constraint.field), readings.number(_only(constraint).strip())
    match constraint.operator:
        case "NUM_GT":
            return lambda context: (found := context.parsed[key]) is not None and found > value
        case "NUM_GTE":
            return lambda context: (found := context.parsed[key]) is not None and found >= value
        case "NUM_LT":
            return lambda context: (found := context.parsed[key]) is not None and found < value
        case "NUM_LTE":
            return lambda context: (found := context.parsed[key]) is not None and found <= value
        case _:
            return lambda context: (
                (found := context.parsed[key]) is not None and abs(found - value) < _SAME
            )


def _moment(constraint: Constraint) -> Holds:
    key, value = (readings.moment, constraint.field), readings.moment(_only(constraint))
    if constraint.operator == "DATE_AFTER":
        return lambda context: (found := context.parsed[key]) is not None and found > value
    return lambda context: (found := context.parsed[key]) is not None and found < value


def _version(constraint: Constraint) -> Holds:
    key, value = (readings.version, constraint.field), readings.version(_only(constraint))
    match constraint.operator:
        case "SEMVER_GT":
            return lambda context: (found := context.parsed[key]) is not None and found > value
        case "SEMVER_GTE":
            return lambda context: (found := context.parsed[key]) is not None and found >= value
        case "SEMVER_LT":
            return lambda context: (found := context.parsed[key]) is not None and found < value
        case "SEMVER_LTE":
            return lambda context: (found := context.parsed[key]) is not None and found <= value
        case _:
            return lambda context: context.parsed[key] == value


def _pattern(constraint: Constraint) -> Holds:
    field = constraint.field
    compiled = readings.pattern(_only(constraint), case_insensitive=constraint.case_insensitive)
    search, longest = compiled.search, readings.MOST_STEPS // max(1, compiled.programsize)

    def holds(context: Context) -> bool:
        text = context.fields[field]
        if text is None:
            return False
        if len(text) > longest:
            raise InvalidContext(f"{field} is too long for the pattern")
        return search(text) is not None

    return holds


def _address(constraint: Constraint) -> Holds:
    return in_networks(constraint.field, constraint.values)


def in_networks(field: str, values: Iterable[str]) -> Holds:
    """Whether a field's address lies in any of the networks; what is no network holds nobody."""
    key = (readings.address, field)
    networks: dict[tuple[int, int], set[int]] = {}
    for value in values:
        try:
            version, left_out, prefix = readings.network(value)
        except ValueError:
            continue
        networks.setdefault((version, left_out), set()).add(prefix)
    table = [(version, left_out, prefixes) for (version, left_out), prefixes in networks.items()]

    def holds(context: Context) -> bool:
        found = context.parsed[key]
        if found is None:
            return False
        version, bits = found
        return any(
            version == each and bits >> left_out in prefixes for each, left_out, prefixes in table
        )

    return holds


def _only(constraint: Constraint) -> str:
    if len(constraint.values) != 1:
        raise ValueError(f"{constraint.operator} takes one value")
    return constraint.values[0]


_COMPILERS: dict[Operator, Callable[[Constraint], Holds]] = {
    "STR_CONTAINS": _text,
    "STR_STARTS_WITH": _text,
    "STR_ENDS_WITH": _text,
    "NUM_EQ": _number,
    "NUM_GT": _number,
    "NUM_GTE": _number,
    "NUM_LT": _number,
    "NUM_LTE": _number,
    "DATE_AFTER": _moment,
    "DATE_BEFORE": _moment,
    "SEMVER_EQ": _version,
    "SEMVER_GT": _version,
    "SEMVER_LT": _version,
    "SEMVER_GTE": _version,
    "SEMVER_LTE": _version,
    "REGEX": _pattern,
    "CIDR": _address,
}
