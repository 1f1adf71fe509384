"""A fault says what would have been right."""

from typing import Any

import pytest

from adapters.http.faults import find_faults
from adapters.http.webhook_source_shapes import SourceBody

SOURCE = {"preset": "github", "target": {"kind": "log"}}


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"dedup": "id"}, "/dedup", "Invalid enum value 'id'; known are auto, body"),
        ({"target": {"kind": "x"}}, "/target/kind", "Invalid value 'x'; known are log, action"),
        (
            {"target": {"kind": "log", "x": 1}},
            "/target/x",
            "x is not known here; known are kind, name",
        ),
    ],
)
def test_what_is_not_among_the_choices_is_answered_with_them(
    change: dict[str, Any], pointer: str, detail: str
) -> None:
    [fault] = find_faults({**SOURCE, **change}, SourceBody, "")
    assert (fault.pointer, fault.detail) == (pointer, detail)
