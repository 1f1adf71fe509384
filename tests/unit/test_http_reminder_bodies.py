"""What a request leaves out of a reminder."""

from typing import Any

import msgspec
import pytest

from adapters.http.reminder_bodies import ReminderBody


@pytest.mark.parametrize(
    ("given", "attempts", "base"),
    [({}, 8, "500ms"), ({"retry": {}}, 8, "500ms"), ({"retry": {"base": "1s"}}, 8, "1s")],
)
def test_what_a_retry_leaves_out_is_as_usual_for_reminders(
    given: dict[str, Any], attempts: int, base: str
) -> None:
    reminder = {"title": "Tea", "in": "1s", "channel": {"kind": "inbox"}, **given}
    retry = msgspec.convert(reminder, ReminderBody).retry
    assert (retry.max_attempts, retry.base, retry.cap) == (attempts, base, "60s")
