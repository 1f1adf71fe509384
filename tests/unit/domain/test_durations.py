"""Lengths of time as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200ms", timedelta(milliseconds=200)),
        ("0s", timedelta()),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
    ],
)
def test_a_number_and_a_unit_is_a_length(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5s", "5 s", "5S", "1h30m", "1.5s", "5w", "1234567890s", "٣s", "5s\n"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number and a unit"):
        parse_duration(text)


@given(st.integers(0, 999_999_999))
def test_what_is_written_reads_as_the_same(milliseconds: int) -> None:
    length = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize("length", [timedelta(microseconds=1), timedelta(seconds=-1)])
def test_what_has_no_text_is_refused(length: timedelta) -> None:
    with pytest.raises(ValueError, match="whole number of milliseconds"):
        format_duration(length)
