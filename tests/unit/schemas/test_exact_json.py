"""How deep a text may be nested, and that what holds it does not count."""

import pytest

from domain.exact_json import MAX_DEPTH, Unreadable, read


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def test_what_lies_around_a_value_does_not_count_as_its_depth() -> None:
    assert read(nested(MAX_DEPTH + 1), around=1)
    with pytest.raises(Unreadable) as refused:
        read(nested(MAX_DEPTH + 2), around=1)
    [fault] = refused.value.faults
    assert (fault.code, fault.detail) == ("depth", "is nested deeper than 64")
