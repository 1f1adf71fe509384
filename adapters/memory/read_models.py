"""Read tables in memory: what the operations of a projection amount to, for unit tests.

Stricter than Postgres about types, because nothing else checks what a projection puts into a
column before it runs in earnest.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.recorded import Recorded
from projections.folding import Change, add, encoder, fold
from projections.projection import Projection, operations
from projections.tables import Column, Key, Kind, Table

_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.BIGINT: (int,),
    Kind.INT: (int,),
    Kind.DOUBLE: (int, float),
    Kind.BOOLEAN: (bool,),
    Kind.TIME: (datetime,),
    Kind.UUID: (UUID,),
    Kind.TEXTS: (list, tuple),
}
_BITS = {Kind.BIGINT: 63, Kind.INT: 31}


class MemoryReadModel:
    """The rows of one projection."""

    def __init__(self, projection: Projection) -> None:
        """Start without any row."""
        self.projection = projection
        self.position = 0
        self._rows: dict[Table, dict[Key, dict[str, Any]]] = {
            table: {} for table in projection.tables
        }

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        """Project events, in order; those that the projection does not handle pass."""
        handled = [each for each in batch if type(each.event) in self.projection.handles]
        for table, changes in fold(operations(self.projection, handled)).items():
            for key, change in changes.items():
                self._change(table, key, change)
        if batch:
            self.position = batch[-1].position

    def rows(self, table: Table) -> dict[Key, dict[str, Any]]:
        """Every row by its key, the tenant in front; JSON as the value that it encodes."""
        json = [each.name for each in table.columns if each.type.kind is Kind.JSON]
        return {
            key: {
                name: msgspec.json.decode(value) if name in json and value is not None else value
                for name, value in row.items()
            }
            for key, row in self._rows[table].items()
        }

    def _change(self, table: Table, key: Key, change: Change) -> None:
        rows = self._rows[table]
        for column, part in zip(table.key, key[1:], strict=True):
            _stored(column, part)
        row = rows.get(key)
        if change.before is not None and row is not None:
            row.update(_values(table, change.before))
        if change.deleted:
            rows.pop(key, None)
        elif change.row is not None:
            rows[key] = _values(table, change.row)
        elif change.merged is not None:
            if row is None:
                row = rows[key] = _values(table, table.defaults)
            row.update(_values(table, change.merged))
        elif change.gathered is not None:
            if row is None:
                rows[key] = _values(table, change.gathered)
            else:
                add(table, row, _values(table, change.gathered))


def _values(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    return {
        each.name: _stored(each, values[each.name]) for each in table.columns if each.name in values
    }


def _stored(column: Column, value: Any) -> Any:
    """The value as it is kept.

    Raises:
        TypeError: it is not what the column holds.
    """
    kind = column.type.kind
    if value is None:
        if not column.type.null:
            raise TypeError(f"{column.name} is never null")
    elif kind is not Kind.JSON:
        good = isinstance(value, _TYPES[kind]) and (
            kind is Kind.BOOLEAN or not isinstance(value, bool)
        )
        if kind is Kind.TIME:
            good = good and value.tzinfo is not None
        if kind is Kind.TEXTS:
            good = good and all(isinstance(each, str) for each in value)
        if good and (bits := _BITS.get(kind)):
            good = -(2**bits) <= value < 2**bits
        if not good:
            raise TypeError(f"{column.name} holds {kind.value}, not {value!r}")
    encode = encoder(kind)
    return value if value is None or encode is None else encode(value)
