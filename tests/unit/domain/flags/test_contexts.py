"""How the fields of a context are found, and as which texts they are compared."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from domain.flags.context import MOST_TEXT, InvalidContext
from tests.support.flag_asking import AT, a_context


@pytest.mark.parametrize(
    ("raw", "field", "text"),
    [
        ({"userId": "u"}, "userId", "u"),
        ({"team": "blue"}, "team", "blue"),
        ({"properties": {"team": "blue"}}, "team", "blue"),
        ({"team": "top", "properties": {"team": "inner"}}, "team", "top"),
        ({"properties": {"userId": "u"}}, "userId", "u"),
        ({"user": {"name": "ada"}}, "user.name", "ada"),
        ({"properties": {"user": {"name": "ada"}}}, "user.name", "ada"),
        ({"user.name": "flat", "user": {"name": "deep"}}, "user.name", "flat"),
        ({"user": "no object"}, "user.name", None),
        ({"user": {"name": {"first": "ada"}}}, "user.name", None),
        ({"team": None, "properties": {"team": "blue"}}, "team", "blue"),
        ({}, "team", None),
        ({"team": ""}, "team", ""),
    ],
)
def test_a_field_is_found_at_the_top_then_in_properties_then_along_its_dots(
    raw: dict[str, Any], field: str, text: str | None
) -> None:
    assert a_context(raw).fields[field] == text


def test_targeting_key_and_user_id_stand_for_each_other() -> None:
    assert a_context({"targetingKey": "t"}).fields["userId"] == "t"
    assert a_context({"userId": "u"}).fields["targetingKey"] == "u"
    both = a_context({"userId": "u", "targetingKey": "t"})
    assert (both.fields["userId"], both.fields["targetingKey"]) == ("u", "t")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (-7, "-7"),
        (1.0, "1.0"),
        (1.5, "1.5"),
        (-0.0, "-0.0"),
        (1e16, "1e+16"),
        (1e-7, "1e-7"),
        (1.5e300, "1.5e+300"),
        (2**64 - 1, "18446744073709551615"),
        (10**25, "1e+25"),
        (True, "true"),
        (False, "false"),
        (None, None),
        ([1], None),
        ({"a": 1}, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        (b"bytes", None),
    ],
)
def test_values_are_compared_as_json_writes_them(value: Any, text: str | None) -> None:
    assert a_context({"x": value}).fields["x"] == text


def test_half_characters_are_replaced_and_whole_ones_kept() -> None:
    assert a_context({"x": "a\ud800b"}).fields["x"] == "a\ufffdb"
    assert a_context({"x": "\ud83d\ude42"}).fields["x"] == "🙂"
    assert a_context(seed="\udc00").seed == "\ufffd"


def test_a_text_that_is_too_long_cannot_be_looked_at() -> None:
    assert a_context({"x": "a" * MOST_TEXT}).fields["x"] is not None
    with pytest.raises(InvalidContext):
        a_context({"x": "a" * (MOST_TEXT + 1)}).fields["x"]


def test_the_time_is_that_of_asking_unless_the_context_says_another() -> None:
    assert a_context().fields["currentTime"] == "2026-03-01T12:00:00.500Z"
    elsewhere = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert a_context(at=elsewhere).fields["currentTime"] == "2026-03-01T12:00:00.000Z"
    said = a_context({"currentTime": "2020-01-01T00:00:00Z"}, at=AT.astimezone(UTC))
    assert said.fields["currentTime"] == "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("raw", [None, [], "text", 7, {"properties": []}, {"properties": "no"}])
def test_what_is_no_context_says_nothing(raw: Any) -> None:
    assert a_context(raw).fields["team"] is None
    assert a_context(raw).fields["user.name"] is None
