from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.flags.documents import FlagSet, ImportedFlag
from domain.flags.rules import Setting
from domain.flags.state import About
from domain.flags.unleash import (
    EXPORT,
    SERVED,
    STATE,
    read_unleash,
    write_unleash,
)
from tests.support.unleash_documents import (
    ENVIRONMENT,
    answered,
    asked,
    contexts,
    documents,
    flags_of,
    served,
)

many_contexts = st.lists(contexts(), min_size=4, max_size=4)


@settings(max_examples=40)
@given(documents(), many_contexts)
def test_a_document_written_again_gives_the_answers_that_it_gave(
    document: dict[str, Any], asking: list[dict[str, Any]]
) -> None:
    found = read_unleash(document, ENVIRONMENT)
    flags = flags_of(found)
    again = write_unleash(flags, found.segments, ENVIRONMENT)
    to_clients = served(flags, found.segments)
    answers = asked(document, asking)
    assert asked(again, asking) == answers
    assert asked(to_clients, asking) == answers
    assert answered(flags, found.segments, asking) == answers


@pytest.mark.parametrize("version", [STATE, SERVED, EXPORT])
@settings(max_examples=40)
@given(document=documents())
def test_what_was_written_is_read_as_it_was(version: int, document: dict[str, Any]) -> None:
    found = read_unleash(document, ENVIRONMENT)
    written = write_unleash(flags_of(found), found.segments, ENVIRONMENT, version=version)
    assert read_unleash(written, ENVIRONMENT) == found


@settings(max_examples=40)
@given(documents())
def test_a_document_written_again_says_what_it_said(document: dict[str, Any]) -> None:
    found = read_unleash(document, ENVIRONMENT)
    written = write_unleash(flags_of(found), found.segments, ENVIRONMENT)
    for before, after in zip(document["features"], written["features"], strict=True):
        assert [each["parameters"] for each in after["strategies"]] == [
            each["parameters"] for each in before["strategies"]
        ]
        assert [each["title"] for each in after["strategies"]] == [
            each.get("title", "") for each in before["strategies"]
        ]
        assert [each["sortOrder"] for each in after["strategies"]] == [
            order for order, _ in enumerate(before["strategies"])
        ]
        assert after["variants"] == before["variants"]
        assert {name: after[name] for name in ("type", "project", "stale", "description")} == {
            name: before[name] for name in ("type", "project", "stale", "description")
        }


def test_our_own_words_survive_an_export() -> None:
    about = About(
        group="shared",
        kind="number",
        default=3,
        owner="ann",
        tags=("team:a", "loose", "simple:b:c", "", ":x", "team:", ":"),
        lifetime=9,
        protected=True,
    )
    found = FlagSet(flags={"f": ImportedFlag(about=about, setting=Setting(enabled=True))})
    document = write_unleash(flags_of(found), {}, ENVIRONMENT)
    assert read_unleash(document, ENVIRONMENT) == found
