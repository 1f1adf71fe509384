from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.flags.flagd import read_flagd, write_flagd
from tests.support.flagd_definitions import contexts, definitions, plain_definitions
from tests.support.flagd_oracle import ENVIRONMENT, Context, flags_of, resolved, variant_of

many_contexts = st.lists(contexts(), min_size=6, max_size=6)


@settings(max_examples=40)
@given(definitions(), many_contexts)
def test_flags_answer_as_in_flagd(document: dict[str, Any], asking: list[Context]) -> None:
    found = read_flagd(document)
    written = write_flagd(flags_of(found), found.segments, ENVIRONMENT)
    for context in asking:
        expected = resolved(document, "flag", context)
        assert variant_of(found, "flag", context) == expected
        assert resolved(written, "flag", context) == expected


@settings(max_examples=40)
@given(definitions(), many_contexts)
def test_without_a_default_variant_nothing_is_served(
    document: dict[str, Any], asking: list[Context]
) -> None:
    del document["flags"]["flag"]["defaultVariant"]
    found = read_flagd(document)
    written = write_flagd(flags_of(found), found.segments, ENVIRONMENT)
    for context in asking:
        expected = resolved(document, "flag", context)
        assert variant_of(found, "flag", context) == expected
        assert resolved(written, "flag", context) == expected


@settings(max_examples=40)
@given(plain_definitions())
def test_a_plain_document_is_written_as_it_was(document: dict[str, Any]) -> None:
    found = read_flagd(document)
    written = write_flagd(flags_of(found), found.segments, ENVIRONMENT)
    assert written == document
    assert read_flagd(written) == found
