"""Writes a batch's changes: one statement per table, and one per set of changed columns.

Rows travel as one array per column (`unnest`), so that a statement's text, and with it its plan,
does not depend on how many rows there are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from adapters.postgres.connect import Acquired
from domain.recorded import Recorded
from projections.folding import Change, Changes, encoder, fold
from projections.projection import Projection, operations, schema_of
from projections.tables import TENANT, TEXT, Column, Key, Kind, Table

_AS_TEXT = (Kind.JSON, Kind.TEXTS)
"""Kinds that travel as text and are cast: arrays of arrays cannot be unnested, JSON is no array."""


class ProjectionFollower:
    """Feeds one generation of a projection (see `adapters.postgres.follower.Follower`)."""

    def __init__(self, projection: Projection, generation: int) -> None:
        """The generation's schema exists, and belongs to this version of the projection."""
        self.name = projection.name
        self.generation = generation
        self.handles = projection.event_types
        self._projection = projection
        schema = schema_of(projection.name, generation)
        self._writers = {table: TableWriter(schema, table) for table in projection.tables}

    async def apply(self, connection: Acquired, batch: Sequence[Recorded[Any]]) -> None:
        """Write what the events ask for, within the transaction that moves the checkpoint."""
        changes: Changes = fold(operations(self._projection, batch))
        for table, rows in changes.items():
            await self._writers[table].write(connection, rows)


class TableWriter:
    """The statements for one table."""

    def __init__(self, schema: str, table: Table) -> None:
        """Statements are made once per set of columns, and prepared by the connection."""
        self._name = f'"{schema}"."{table.name}"'
        self._table = table
        self._keys = (Column(TENANT, TEXT), *table.key)
        self._columns = {column.name: column for column in table.columns}
        self._encoders = {each.name: encoder(each.type.kind) for each in table.columns}
        self._sql: dict[tuple[str, frozenset[str]], str] = {}

    async def write(self, connection: Acquired, rows: Mapping[Key, Change]) -> None:
        """Let the changes happen to the table."""
        patches: dict[frozenset[str], list[tuple[Key, Mapping[str, Any]]]] = {}
        merges: dict[frozenset[str], list[tuple[Key, Mapping[str, Any]]]] = {}
        puts = [(key, change.row) for key, change in rows.items() if change.row is not None]
        gathered = [
            (key, change.gathered) for key, change in rows.items() if change.gathered is not None
        ]
        deletes: list[tuple[Key, Mapping[str, Any]]] = []
        for key, change in rows.items():
            if change.before:
                patches.setdefault(frozenset(change.before), []).append((key, change.before))
            if change.deleted:
                deletes.append((key, {}))
            elif change.merged is not None:
                whole = {**self._table.defaults, **change.merged}
                merges.setdefault(frozenset(change.merged), []).append((key, whole))
        for names, some in patches.items():
            await self._run(connection, self._patch, names, self._ordered(names), some)
        if deletes:
            await self._run(connection, self._delete, frozenset(), (), deletes)
        everything = frozenset(self._columns)
        if puts:
            await self._run(connection, self._upsert, everything, self._table.names, puts)
        if gathered:
            await self._run(connection, self._gather, everything, self._table.names, gathered)
        for names, some in merges.items():
            await self._run(connection, self._upsert, names, self._table.names, some)

    async def _run(
        self,
        connection: Acquired,
        make: Callable[[frozenset[str]], str],
        names: frozenset[str],
        columns: Sequence[str],
        rows: Sequence[tuple[Key, Mapping[str, Any]]],
    ) -> None:
        sql = self._sql.get((make.__name__, names))
        if sql is None:
            sql = self._sql[make.__name__, names] = make(names)
        keys: list[Any] = [list(each) for each in zip(*(key for key, _ in rows), strict=True)]
        values = [self._encoded(name, [row[name] for _, row in rows]) for name in columns]
        await connection.execute(sql, *keys, *values)

    def _encoded(self, name: str, values: list[Any]) -> list[Any]:
        encode = self._encoders[name]
        if encode is None:
            return values
        if self._columns[name].type.kind is Kind.TEXTS:
            return [None if value is None else _literal(encode(value)) for value in values]
        return [None if value is None else encode(value) for value in values]

    def _ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in self._table.names if name in names)

    def _upsert(self, names: frozenset[str]) -> str:
        return self._insert(f'"{name}" = excluded."{name}"' for name in self._ordered(names))

    def _gather(self, _names: frozenset[str]) -> str:
        return self._insert(_added(column) for column in self._columns.values())

    def _insert(self, sets: Iterable[str]) -> str:
        columns = (*self._keys, *self._columns.values())
        listed = ", ".join(f'"{column.name}"' for column in columns)
        keys = ", ".join(f'"{column.name}"' for column in self._keys)
        changes = ", ".join(sets)
        then = f"UPDATE SET {changes}" if changes else "NOTHING"
        return (
            f"INSERT INTO {self._name} AS t ({listed}) "  # noqa: S608 - names are the table's, checked when it was declared
            f"SELECT {_cast(columns)} FROM {_unnest(columns)} ON CONFLICT ({keys}) DO {then}"
        )

    def _patch(self, names: frozenset[str]) -> str:
        columns = [self._columns[name] for name in self._ordered(names)]
        sets = ", ".join(f'"{each.name}" = {_cast([each])}' for each in columns)
        return (
            f"UPDATE {self._name} AS t SET {sets} FROM {_unnest([*self._keys, *columns])} "  # noqa: S608 - as above
            f"WHERE {self._same()}"
        )

    def _delete(self, _names: frozenset[str]) -> str:
        return f"DELETE FROM {self._name} AS t USING {_unnest(self._keys)} WHERE {self._same()}"  # noqa: S608 - as above

    def _same(self) -> str:
        return " AND ".join(f't."{each.name}" = u."{each.name}"' for each in self._keys)


def _added(column: Column) -> str:
    name = f'"{column.name}"'
    match column.type.gathered:
        case "sum":
            return f"{name} = t.{name} + excluded.{name}"
        case None:
            return f"{name} = excluded.{name}"
        case which:
            return f"{name} = {which}(t.{name}, excluded.{name})"


def _unnest(columns: Sequence[Column]) -> str:
    arrays = ", ".join(
        f"${nth}::{'text' if each.type.kind in _AS_TEXT else each.type.kind.value}[]"
        for nth, each in enumerate(columns, 1)
    )
    names = ", ".join(f'"{each.name}"' for each in columns)
    return f"unnest({arrays}) AS u ({names})"


def _cast(columns: Iterable[Column]) -> str:
    return ", ".join(
        f'u."{each.name}"' + (f"::{each.type.kind.value}" if each.type.kind in _AS_TEXT else "")
        for each in columns
    )


def _literal(texts: Iterable[str]) -> str:
    """An array of texts as Postgres writes it."""
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in escaped) + "}"
