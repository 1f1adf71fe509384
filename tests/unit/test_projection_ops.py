"""Row operations: what they may say, how they fold, and that batches do not matter."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.read_models import MemoryReadModel
from domain.recorded import Recorded
from projections.folding import Change, fold
from projections.projection import Projection, schema_of
from projections.tables import (
    BIGINT,
    INT,
    JSON,
    TEXT,
    TEXTS,
    TIME,
    Delete,
    Merge,
    Operation,
    Patch,
    Put,
    Table,
    defaulted,
    delete,
    gather,
    least,
    merge,
    nullable,
    patch,
    put,
    summed,
)
from tests.support.readings import NoiseHeard

ROWS = Table("rows", key={"id": TEXT}, columns={"a": BIGINT, "b": nullable(TEXT)})
SUMS = Table("sums", key={"id": TEXT}, columns={"a": summed(BIGINT), "b": least(TEXT)})
LOOSE = Table("loose", key={"id": TEXT}, columns={"a": defaulted(BIGINT, 7), "b": nullable(TEXT)})


def folded(*operations: Operation) -> Change:
    return fold([("t", each) for each in operations])[operations[0].table]["t", "k"]


def test_a_put_then_a_patch_is_a_put() -> None:
    change = folded(put(ROWS, "k", {"a": 1}), patch(ROWS, "k", {"b": "x"}))
    assert change == Change(row={"a": 1, "b": "x"})


def test_two_patches_are_one() -> None:
    change = folded(patch(ROWS, "k", {"a": 1}), patch(ROWS, "k", {"a": 2, "b": "x"}))
    assert change == Change(before={"a": 2, "b": "x"})


def test_a_delete_wins_over_what_came_before() -> None:
    change = folded(put(ROWS, "k", {"a": 1}), patch(ROWS, "k", {"a": 2}), delete(ROWS, "k"))
    assert change == Change(deleted=True)


def test_a_patch_after_a_delete_changes_nothing() -> None:
    assert folded(delete(ROWS, "k"), patch(ROWS, "k", {"a": 2})) == Change(deleted=True)


def test_a_put_after_a_delete_is_a_put() -> None:
    change = folded(delete(ROWS, "k"), put(ROWS, "k", {"a": 3}))
    assert change == Change(row={"a": 3, "b": None})


def test_a_patch_before_a_merge_changes_only_a_row_that_is_there() -> None:
    change = folded(patch(LOOSE, "k", {"b": "x"}), merge(LOOSE, "k", {"a": 1}))
    assert change == Change(before={"b": "x"}, merged={"a": 1})


def test_what_is_gathered_adds_up() -> None:
    change = folded(gather(SUMS, "k", {"a": 1, "b": "y"}), gather(SUMS, "k", {"a": 2, "b": "x"}))
    assert change == Change(gathered={"a": 3, "b": "x"})


def test_what_is_gathered_behind_a_put_is_added_to_it() -> None:
    change = folded(put(SUMS, "k", {"a": 5, "b": "x"}), gather(SUMS, "k", {"a": 2, "b": "y"}))
    assert change == Change(row={"a": 7, "b": "x"})


def test_what_is_gathered_behind_a_delete_begins_anew() -> None:
    change = folded(delete(SUMS, "k"), gather(SUMS, "k", {"a": 2, "b": "y"}))
    assert change == Change(row={"a": 2, "b": "y"})


@pytest.mark.parametrize("make", [patch, merge])
def test_a_row_that_gathers_is_not_changed_otherwise(make: Any) -> None:
    with pytest.raises(ValueError, match="gathers"):
        make(SUMS, "k", {"a": 1, "b": "x"})


def test_what_may_be_null_does_not_add_up() -> None:
    with pytest.raises(ValueError, match="may be null"):
        Table("t", key={"id": TEXT}, columns={"a": summed(nullable(BIGINT))})


def test_a_put_that_leaves_out_a_column_without_a_default_is_refused() -> None:
    with pytest.raises(ValueError, match="'a'"):
        put(ROWS, "k", {"b": "x"})


def test_a_merge_that_could_not_make_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="'a'"):
        merge(ROWS, "k", {"b": "x"})


@pytest.mark.parametrize("make", [put, patch, merge])
def test_an_unknown_column_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="no column"):
        make(ROWS, "k", {"a": 1, "z": 1})


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="key of 1"):
        delete(ROWS, ("k", "l"))


@pytest.mark.parametrize(
    "options",
    [
        {"name": "Bad", "key": {"id": TEXT}, "columns": {}},
        {"name": "t", "key": {}, "columns": {"a": TEXT}},
        {"name": "t", "key": {"tenant": TEXT}, "columns": {}},
        {"name": "t", "key": {"id": nullable(TEXT)}, "columns": {}},
        {"name": "t", "key": {"id": JSON}, "columns": {}},
        {"name": "t", "key": {"id": TEXT}, "columns": {"id": TEXT}},
        {"name": "t", "key": {"id": TEXT}, "columns": {}, "indexes": [("x",)]},
        {"name": "t", "key": {"id": TEXT}, "columns": {'a"': TEXT}},
    ],
)
def test_a_table_that_could_not_be_made_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="table"):
        Table(options.pop("name"), **options)


def test_a_projection_has_a_version_and_tables_that_can_be_told_apart() -> None:
    for version, tables in ((0, (ROWS,)), (1000, (ROWS,)), (1, (ROWS, ROWS))):
        with pytest.raises(ValueError, match="projection"):
            Projection(name="p", version=version, tables=tables, handles=(), project=lambda _: ())


def test_generations_are_builds_of_versions() -> None:
    projection = Projection(name="p", version=2, tables=(ROWS,), handles=(), project=lambda _: ())
    assert projection.generation(3) == 2003
    assert 2999 in projection.generations
    assert 3000 not in projection.generations
    assert schema_of("p", 2003) == "read_p_2_3"


# --- in memory ---------------------------------------------------------------------------------


def recorded(position: int, tenant: str = "t") -> Recorded[Any]:
    return Recorded(
        position=position,
        tenant=tenant,
        stream="noise/1",
        version=1,
        id=UUID(int=position),
        type="noise.heard",
        event=NoiseHeard(),
        recorded_at=datetime(2030, 1, 1, tzinfo=UTC),
        actor="anonymous",
        correlation_id=UUID(int=0),
        causation_id=None,
        meta={},
    )


def model(table: Table, operations: dict[int, list[Operation]]) -> MemoryReadModel:
    return MemoryReadModel(
        Projection(
            name="p",
            version=1,
            tables=(table,),
            handles=(NoiseHeard,),
            project=lambda each: operations[each.position],
        )
    )


def after(table: Table, *operations: Operation) -> dict[Any, Any]:
    memory = model(table, {1: list(operations)})
    memory.apply([recorded(1)])
    return memory.rows(table)


def test_tenants_do_not_share_rows() -> None:
    memory = model(ROWS, {1: [put(ROWS, "k", {"a": 1})], 2: [put(ROWS, "k", {"a": 2})]})
    memory.apply([recorded(1, "one"), recorded(2, "two")])
    assert {key: row["a"] for key, row in memory.rows(ROWS).items()} == {
        ("one", "k"): 1,
        ("two", "k"): 2,
    }


def test_a_merge_makes_a_row_of_defaults() -> None:
    assert after(LOOSE, merge(LOOSE, "k", {"b": "x"})) == {("t", "k"): {"a": 7, "b": "x"}}


def test_hostile_text_becomes_what_postgres_can_keep() -> None:
    table = Table("t", key={"id": TEXT}, columns={"a": TEXT, "b": TEXTS, "c": nullable(JSON)})
    rows = after(
        table,
        put(table, "k\x00", {"a": "\x00", "b": ["\ud800"], "c": {"\x00": ["\x00", "\\u0000"]}}),
    )
    assert rows == {
        ("t", "k\ufffd"): {
            "a": "\ufffd",
            "b": ["\ufffd"],
            "c": {"\ufffd": ["\ufffd", "\\u0000"]},
        }
    }


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (TEXT, 1),
        (TEXT, None),
        (INT, 2**31),
        (INT, True),
        (BIGINT, 2**63),
        (TIME, datetime(2030, 1, 1)),  # noqa: DTZ001 - the naive one is what is refused
        (TEXTS, "ab"),
        (TEXTS, [1]),
    ],
)
def test_a_value_that_is_not_what_the_column_holds_is_refused(kind: Any, value: Any) -> None:
    table = Table("t", key={"id": TEXT}, columns={"a": kind})
    with pytest.raises(TypeError, match="a "):
        after(table, put(table, "k", {"a": value}))


VALUES = st.fixed_dictionaries(
    {}, optional={"a": st.integers(0, 3), "b": st.none() | st.sampled_from(["", "x", "\x00"])}
)
KEYS = st.sampled_from(["k", "l"])
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(lambda key, values: put(LOOSE, key, values), KEYS, VALUES),
    st.builds(lambda key, values: patch(LOOSE, key, values), KEYS, VALUES),
    st.builds(lambda key, values: merge(LOOSE, key, values), KEYS, VALUES),
    st.builds(lambda key: delete(LOOSE, key), KEYS),
)


def one_by_one(operations: list[Operation]) -> dict[Any, Any]:
    """The meaning of each operation, written down as plainly as can be."""
    rows: dict[Any, Any] = {}
    for each in operations:
        key = ("t", *each.key)
        match each:
            case Put():
                rows[key] = dict(each.values)
            case Merge():
                rows[key] = {**rows.get(key, each.table.defaults), **each.values}
            case Patch() if key in rows:
                rows[key] = {**rows[key], **each.values}
            case Delete():
                rows.pop(key, None)
    clean = {"\x00": "\ufffd"}
    return {k: row | {"b": clean.get(row["b"], row["b"])} for k, row in rows.items()}


@given(st.lists(OPERATIONS, max_size=12), st.sets(st.integers(0, 12)))
def test_rows_do_not_depend_on_where_batches_end(
    operations: list[Operation], cuts: set[int]
) -> None:
    memory = model(LOOSE, {n: [each] for n, each in enumerate(operations, 1)})
    batch: list[Recorded[Any]] = []
    for position in range(1, len(operations) + 1):
        batch.append(recorded(position))
        if position in cuts:
            memory.apply(batch)
            batch = []
    memory.apply(batch)
    assert memory.rows(LOOSE) == one_by_one(operations)
