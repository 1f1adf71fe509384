from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.flags.context import make_context
from domain.flags.documents import FlagSet
from domain.flags.evaluation import Evaluation, compile_flag
from domain.flags.flagd import read_flagd, write_flagd
from domain.flags.outcomes import NOT_FOUND
from domain.flags.state import Flag
from tests.support.flagd_definitions import TIME, Context, contexts, definitions, resolved

ENVIRONMENT = "production"
many_contexts = st.lists(contexts(), min_size=6, max_size=6)


def flags_of(found: FlagSet) -> dict[str, Flag]:
    return {
        key: Flag(
            about=each.about,
            settings={ENVIRONMENT: each.setting},
            stale=each.stale,
            archived=each.archived,
        )
        for key, each in found.flags.items()
    }


def served(found: FlagSet, key: str, context: Context) -> Evaluation:
    flag = flags_of(found)[key]
    evaluate = compile_flag(
        key, flag, ENVIRONMENT, found.segments, lambda _key, _context: NOT_FOUND
    )
    at = datetime.fromtimestamp(TIME, UTC)
    return evaluate(make_context(context, at=at, seed="seed"))


def variant_of(found: FlagSet, key: str, context: Context) -> str | None:
    evaluation = served(found, key, context)
    assert evaluation.error is None
    return evaluation.variant.name if evaluation.variant else None


@given(definitions(), many_contexts)
def test_flags_answer_as_in_flagd(document: dict[str, Any], asking: list[Context]) -> None:
    found = read_flagd(document)
    written = write_flagd(flags_of(found), found.segments, ENVIRONMENT)
    for context in asking:
        expected = resolved(document, "flag", context)
        assert variant_of(found, "flag", context) == expected
        assert resolved(written, "flag", context) == expected


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


@given(definitions())
def test_what_was_written_is_read_and_written_alike(document: dict[str, Any]) -> None:
    found = read_flagd(document)
    written = write_flagd(flags_of(found), found.segments, ENVIRONMENT)
    again = read_flagd(written)
    assert write_flagd(flags_of(again), again.segments, ENVIRONMENT) == written
    twice = read_flagd(write_flagd(flags_of(again), again.segments, ENVIRONMENT))
    assert twice == again
