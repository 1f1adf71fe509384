"""Many operations on a row become one change, so that a batch costs one statement per table.

What a row holds after a batch does not depend on where batches begin and end; the tests split
the same operations in every way and compare.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from projections.tables import Delete, Gather, Key, Kind, Merge, Operation, Patch, Put, Table

_HOSTILE = re.compile("[\x00\ud800-\udfff]")
"""What Postgres cannot keep in a text: U+0000, and halves of surrogate pairs."""

REPLACEMENT = "\ufffd"


class Change(msgspec.Struct, gc=False):
    """What becomes of one row in a batch, in this order.

    `before` patches the row if it is there; then `deleted` removes it, `row` replaces it whole,
    or `merged` changes it or makes it, or `gathered` adds to it or makes it. At most one of these
    four is set.
    """

    before: dict[str, Any] | None = None
    deleted: bool = False
    row: dict[str, Any] | None = None
    merged: dict[str, Any] | None = None
    gathered: dict[str, Any] | None = None


Changes = dict[Table, dict[Key, Change]]
"""By table, then by key with the tenant in front."""


def fold(operations: Iterable[tuple[str, Operation]]) -> Changes:
    """The changes that (tenant, operation) pairs amount to."""
    changes: Changes = {}
    for tenant, operation in operations:
        rows = changes.get(operation.table)
        if rows is None:
            rows = changes[operation.table] = {}
        key = (tenant, *[clean(each) if type(each) is str else each for each in operation.key])
        change = rows.get(key)
        if change is None:
            change = rows[key] = Change()
        _apply(change, operation)
    return changes


def _apply(change: Change, operation: Operation) -> None:
    match operation:
        case Put():
            change.before, change.deleted, change.merged, change.gathered = None, False, None, None
            change.row = dict(operation.values)
        case Patch():
            _patch(change, operation.values)
        case Merge():
            _merge(change, operation)
        case Gather():
            _gather(change, operation)
        case Delete():
            change.before, change.row, change.merged, change.gathered = None, None, None, None
            change.deleted = True


def _patch(change: Change, values: Mapping[str, Any]) -> None:
    if change.row is not None:
        change.row.update(values)
    elif change.merged is not None:
        change.merged.update(values)
    elif change.before is not None:
        change.before.update(values)
    elif not change.deleted:
        change.before = dict(values)


def _merge(change: Change, operation: Merge) -> None:
    if change.deleted:
        change.deleted = False
        change.row = {**operation.table.defaults, **operation.values}
    elif change.row is not None:
        change.row.update(operation.values)
    elif change.merged is not None:
        change.merged.update(operation.values)
    else:
        change.merged = dict(operation.values)


def _gather(change: Change, operation: Gather) -> None:
    if change.deleted:
        change.deleted = False
        change.row = dict(operation.values)
    elif change.row is not None:
        add(operation.table, change.row, operation.values)
    elif change.gathered is not None:
        add(operation.table, change.gathered, operation.values)
    else:
        change.gathered = dict(operation.values)


def add(table: Table, row: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Add values to a row of a table that gathers."""
    for name, value in values.items():
        match table.gathered.get(name):
            case "sum":
                row[name] += value
            case "least":
                row[name] = min(row[name], value)
            case "greatest":
                row[name] = max(row[name], value)
            case None:
                row[name] = value


def clean(text: str) -> str:
    """The text as Postgres can keep it: what it cannot becomes U+FFFD."""
    if text.isascii() and "\x00" not in text:  # nearly always, and much cheaper to see
        return text
    return _HOSTILE.sub(REPLACEMENT, text)


def encoder(kind: Kind) -> Callable[[Any], Any] | None:
    """What makes a value that is not null as it is kept; None where it is kept as it is."""
    return {Kind.TEXT: clean, Kind.JSON: _json, Kind.TEXTS: _texts}.get(kind)


def _texts(value: Iterable[str]) -> list[str]:
    return [clean(each) for each in value]


def _json(value: Any) -> str:
    try:
        encoded = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        encoded = "\\u0000"
    if "\\u0000" not in encoded:
        return encoded
    return msgspec.json.encode(_cleaned(msgspec.to_builtins(value))).decode()


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {_cleaned(key): _cleaned(each) for key, each in value.items()}
        case list():
            return [_cleaned(each) for each in value]
        case _:
            return value
