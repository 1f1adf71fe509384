"""What the schemas' decider decides."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.schemas import (
    MOST_VERSIONS,
    SCHEMA,
    PublishSchema,
    Schema,
    SchemaCompatibilitySet,
    SchemaIncompatible,
    SchemaPublished,
    TooManySchemaVersions,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
NUMBER, INTEGER = '{"type":"number"}', '{"type":"integer"}'


def publish(document: str, compatibility: Any = None) -> PublishSchema:
    return PublishSchema(name="order", document=document, compatibility=compatibility, at=AT)


def published(number: int, document: str, compatibility: Any = "none") -> SchemaPublished:
    return SchemaPublished(number=number, document=document, compatibility=compatibility)


def test_the_first_version_promises_nothing_unless_it_says_so() -> None:
    given(SCHEMA).when(publish(NUMBER)).then(published(1, NUMBER))
    given(SCHEMA).when(publish(NUMBER, "full")).then(published(1, NUMBER, "full"))


def test_the_same_in_another_spelling_is_no_new_version() -> None:
    given(SCHEMA, published(1, '{"minimum":1,"type":"number"}')).when(
        publish('{ "type": "number", "minimum": 1.0 }')
    ).then()


def test_another_promise_alone_is_no_new_version() -> None:
    given(SCHEMA, published(1, NUMBER)).when(publish(NUMBER, "full")).then(
        SchemaCompatibilitySet(compatibility="full")
    )


def test_the_promise_stays_until_somebody_changes_it() -> None:
    history = (published(1, INTEGER), SchemaCompatibilitySet(compatibility="backward"))
    given(SCHEMA, *history).when(publish(NUMBER)).then(published(2, NUMBER, "backward"))


def test_each_promise_refuses_what_breaks_it() -> None:
    for promise, old, new in (
        ("backward", NUMBER, INTEGER),
        ("forward", INTEGER, NUMBER),
        ("full", NUMBER, INTEGER),
        ("full", INTEGER, NUMBER),
    ):
        given(SCHEMA, published(1, old, promise)).when(publish(new)).refused(SchemaIncompatible)
    given(SCHEMA, published(1, NUMBER, "full")).when(publish(INTEGER, "none")).then(
        published(2, INTEGER)
    )


def test_versions_do_not_grow_without_end() -> None:
    history = [published(n, f'{{"minimum":{n}}}') for n in range(1, MOST_VERSIONS + 1)]
    given(SCHEMA, *history).when(publish(NUMBER)).refused(TooManySchemaVersions)


documents = st.sampled_from([NUMBER, INTEGER, "true", '{"minimum":1}'])
modes = st.sampled_from([None, "none", "backward", "forward", "full"])


@drawn(st.lists(st.tuples(documents, modes), min_size=1, max_size=12))
def test_versions_are_dense_and_publishing_again_gives_nothing(
    commands: list[tuple[str, Any]],
) -> None:
    state = SCHEMA.initial
    for document, mode in commands:
        command = publish(document, mode)
        try:
            state = SCHEMA.fold(SCHEMA.decide(state, command), state)
        except SchemaIncompatible:
            continue
        assert SCHEMA.decide(state, command) == []
    assert isinstance(state, Schema)
    assert [each.number for each in state.versions] == list(range(1, len(state.versions) + 1))
