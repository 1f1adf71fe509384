"""What read tables look like, and how events change their rows.

A projection never writes SQL: it yields row operations, which are values. The engine adds the
tenant in front of every key, so a projection can neither forget it nor reach into another one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, TypeVar

import msgspec

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TENANT = "tenant"


class Kind(Enum):
    """What a column holds; the value is Postgres's name of it."""

    TEXT = "text"
    BIGINT = "bigint"
    INT = "integer"
    DOUBLE = "double precision"
    BOOLEAN = "boolean"
    TIME = "timestamptz"
    UUID = "uuid"
    JSON = "json"
    TEXTS = "text[]"


_NO_KEYS = (Kind.JSON, Kind.TEXTS)


class _Required(Enum):
    REQUIRED = "required"


REQUIRED: Final = _Required.REQUIRED
"""The default of a column that has none: whoever makes a row must name its value."""


Gathered = Literal["sum", "least", "greatest"]
"""What becomes of a column's value and another one."""


class Type(msgspec.Struct, frozen=True):
    """The type of a column: what it holds, whether it may be null, what it starts as.

    A column that is `gathered` changes by what comes in addition: see `gather`.
    """

    kind: Kind
    null: bool = False
    default: Any = REQUIRED
    gathered: Gathered | None = None


TEXT = Type(Kind.TEXT)
BIGINT = Type(Kind.BIGINT)
INT = Type(Kind.INT)
DOUBLE = Type(Kind.DOUBLE)
BOOLEAN = Type(Kind.BOOLEAN)
TIME = Type(Kind.TIME)
"""A moment, aware of its zone."""
UUID = Type(Kind.UUID)
JSON = Type(Kind.JSON)
"""Any value that msgspec can encode as JSON."""
TEXTS = Type(Kind.TEXTS)
"""A list of texts."""


def nullable(type_: Type) -> Type:
    """The same type, null unless a row says otherwise."""
    return msgspec.structs.replace(type_, null=True, default=None)


def defaulted(type_: Type, default: Any) -> Type:
    """The same type, with the value that a new row has unless it says otherwise."""
    return msgspec.structs.replace(type_, default=default)


def summed(type_: Type) -> Type:
    """The same type, whose values add up."""
    return msgspec.structs.replace(type_, gathered="sum")


def least(type_: Type) -> Type:
    """The same type, which keeps the least value."""
    return msgspec.structs.replace(type_, gathered="least")


def greatest(type_: Type) -> Type:
    """The same type, which keeps the greatest value."""
    return msgspec.structs.replace(type_, gathered="greatest")


class Column(msgspec.Struct, frozen=True):
    """A named column."""

    name: str
    type: Type


class Table:
    """A read table: its name, the columns that tell its rows apart, and the others.

    The engine puts `tenant` before the key, so `key` may be what is unique within a tenant.
    `indexes` are tuples of column names, `tenant` again implied in front; a name may end in
    " desc". Tables are compared by identity: there is one value per table.
    """

    def __init__(
        self,
        name: str,
        *,
        key: Mapping[str, Type],
        columns: Mapping[str, Type],
        indexes: Sequence[tuple[str, ...]] = (),
    ) -> None:
        self.name = name
        self.key = tuple(Column(*each) for each in key.items())
        self.columns = tuple(Column(*each) for each in columns.items())
        self.indexes = tuple(indexes)
        self.names = tuple(columns)
        self.key_names = (TENANT, *key)
        self._check()
        self.required = frozenset(c.name for c in self.columns if c.type.default is REQUIRED)
        self.defaults = {
            c.name: c.type.default for c in self.columns if c.type.default is not REQUIRED
        }
        self._columns = frozenset(self.names)
        self.gathered = {c.name: c.type.gathered for c in self.columns if c.type.gathered}

    def _check(self) -> None:
        names = [column.name for column in (*self.key, *self.columns)]
        wrong = [name for name in (self.name, *names) if not NAME.fullmatch(name)]
        if wrong or len(set(names)) != len(names) or TENANT in names or not self.key:
            raise ValueError(f"table {self.name} is declared wrongly: {names}")
        if any(each.type.null or each.type.kind in _NO_KEYS for each in self.key):
            raise ValueError(f"table {self.name} has a key that cannot be one")
        indexed = {name.removesuffix(" desc") for index in self.indexes for name in index}
        if indexed - set(names):
            raise ValueError(f"table {self.name} has an index on columns that it has not")
        if any(column.type.gathered and column.type.null for column in self.columns):
            raise ValueError(f"table {self.name} gathers what may be null")

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The whole row: the values, and the defaults of columns that they leave out.

        Raises:
            ValueError: a column is unknown, or one without a default is left out.
        """
        if values.keys() == self._columns:
            return dict(values)
        self.check_names(values)
        if missing := self.required - values.keys():
            raise ValueError(f"{self.name} needs a value for {sorted(missing)}")
        return {**self.defaults, **values}

    def check_names(self, values: Mapping[str, Any]) -> None:
        """Insist that these are columns of the table.

        Raises:
            ValueError: one is not.
        """
        if not values.keys() <= self._columns:
            unknown = sorted(values.keys() - self._columns)
            raise ValueError(f"{self.name} has no column {unknown}")

    def check_changed(self, values: Mapping[str, Any]) -> None:
        """Insist that these are columns that may be set in a row that is there.

        Raises:
            ValueError: one is none, or the table gathers.
        """
        self.check_names(values)
        if self.gathered:
            raise ValueError(f"{self.name} gathers: its rows are put, gathered and deleted")


Key = tuple[Any, ...]
"""The values of a table's key columns, in their order (behind the tenant in the engine)."""


class Put(msgspec.Struct, frozen=True, gc=False):
    """Let the row be exactly this, whatever it was."""

    table: Table
    key: Key
    values: Mapping[str, Any]


class Patch(msgspec.Struct, frozen=True, gc=False):
    """Change these columns of the row; nothing happens where there is no such row."""

    table: Table
    key: Key
    values: Mapping[str, Any]


class Merge(msgspec.Struct, frozen=True, gc=False):
    """Change these columns; where there is no such row, make one with defaults for the rest."""

    table: Table
    key: Key
    values: Mapping[str, Any]


class Gather(msgspec.Struct, frozen=True, gc=False):
    """Add to the row: each gathered column as its type says, the others are set."""

    table: Table
    key: Key
    values: Mapping[str, Any]


class Delete(msgspec.Struct, frozen=True, gc=False):
    """Let there be no such row."""

    table: Table
    key: Key


Operation = Put | Patch | Merge | Gather | Delete
Operations = Iterable[Operation]

V = TypeVar("V")


def _key(table: Table, key: object) -> Key:
    parts = key if isinstance(key, tuple) else (key,)
    if len(parts) != len(table.key):
        raise ValueError(f"{table.name} has a key of {len(table.key)} columns, not {len(parts)}")
    return parts


def put(table: Table, key: object, values: Mapping[str, Any]) -> Put:
    """Let the row be exactly this; columns left out take their defaults.

    `key` is a tuple in the order of the key's columns, or the bare value where there is one.

    Raises:
        ValueError: the columns are not the table's, or a required one is missing.
    """
    return Put(table, _key(table, key), table.row(values))


def patch(table: Table, key: object, values: Mapping[str, Any]) -> Patch:
    """Change these columns of a row, if there is one.

    Raises:
        ValueError: the columns are not the table's, or it gathers.
    """
    table.check_changed(values)
    return Patch(table, _key(table, key), values)


def merge(table: Table, key: object, values: Mapping[str, Any]) -> Merge:
    """Change these columns of a row, or make one of them and the defaults.

    Raises:
        ValueError: the columns are not the table's, a required one is missing, or it gathers.
    """
    table.check_changed(values)
    if not table.required <= values.keys():
        raise ValueError(f"{table.name} needs a value for {sorted(table.required)}")
    return Merge(table, _key(table, key), values)


def gather(table: Table, key: object, values: Mapping[str, Any]) -> Gather:
    """Add to a row: sums grow, least and greatest values are kept, other columns are set.

    Where there is no such row, one of these values is made. What a row holds in the end does not
    depend on the order of what was added to it, as far as gathered columns go.

    Raises:
        ValueError: the values are not those of all columns without a default.
    """
    return Gather(table, _key(table, key), table.row(values))


def delete(table: Table, key: object) -> Delete:
    """Let there be no such row."""
    return Delete(table, _key(table, key))
