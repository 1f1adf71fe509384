"""`annals projections` beside a projector at work."""

import re
from typing import Any

import pytest

from tests.support.commands import Installation


def row(installation: Installation, name: str, generation: int = 1000) -> dict[str, Any]:
    rows = installation.json("projections", "list")
    [found] = [each for each in rows if (each["name"], each["generation"]) == (name, generation)]
    return dict(found)


def fail_at(installation: Installation, name: str, position: int) -> None:
    """Record that a projection stands at a position, as the projector does."""
    installation.execute(
        "INSERT INTO annals.failures (log_id, projection, generation, position, kind, error) "
        "VALUES (1, $1, 1000, $2, 'failed', 'KeyError')",
        name,
        position,
    )


def test_every_read_model_is_listed_with_how_far_it_is(installation: Installation) -> None:
    installation.die()
    installation.caught_up()
    jobs = row(installation, "jobs")
    assert (jobs["version"], jobs["build"], jobs["serves"]) == (1, 0, True)
    assert (jobs["state"], jobs["failed_at"], jobs["error"]) == ("running", None, None)
    table = installation.call("projections", "list").stdout
    assert {"memberships", "sessions", "flags", "limits", "actions", "jobs"} <= set(table.split())


def test_a_projection_pauses_and_goes_on_with_a_reason(installation: Installation) -> None:
    said = installation.call("projections", "pause", "limits", "--reason", "a migration")
    assert (said.exit_code, said.stdout) == (0, "limits is paused\n")
    assert row(installation, "limits")["state"] == "paused"
    assert installation.json("projections", "resume", "limits")["state"] == "resumed"
    assert row(installation, "limits")["state"] != "paused"
    paused, resumed = installation.lines("events", "tail", "--stream", "projection/limits")
    assert (paused["data"], paused["meta"]["actor"][:4]) == ({"reason": "a migration"}, "cli/")
    assert resumed["type"] == "projection.resumed"


def test_a_rebuild_is_waited_for_and_then_serves(installation: Installation) -> None:
    installation.die()
    [built] = installation.json("projections", "rebuild", "jobs")
    assert (built["name"], built["generation"], built["build"]) == ("jobs", 1001, 1)
    assert built["serves"]
    assert not row(installation, "jobs")["serves"]

    refused = installation.call("projections", "retire", "jobs", "1001")
    assert refused.exit_code == 1
    assert "Queries are answered from this build" in refused.stderr
    assert installation.call("projections", "retire", "jobs", "1000").exit_code == 0
    generations = [each["generation"] for each in installation.json("projections", "list")]
    assert 1001 in generations
    missing = installation.call("projections", "retire", "jobs", "1007")
    assert (missing.exit_code, "no such build" in missing.stderr) == (1, True)


def test_a_second_rebuild_is_refused_while_one_is_under_way(installation: Installation) -> None:
    installation.call("projections", "pause", "actions")
    begun = installation.call("projections", "rebuild", "actions", "--no-wait")
    assert begun.exit_code == 0
    second = installation.call("projections", "rebuild", "actions")
    assert second.exit_code == 1
    assert "A build of this projection is on its way" in second.stderr
    waiting = installation.call("projections", "build")
    assert waiting.exit_code == 1
    assert re.search(r"actions \d+ is paused: `annals projections resume actions`", waiting.stderr)
    installation.call("projections", "resume", "actions")
    [built] = installation.json("projections", "build")
    assert (built["generation"], built["serves"]) == (2001, True)
    again = installation.call("projections", "build")
    assert (again.exit_code, again.stderr) == (0, "Every read model is built.\n")


def test_an_event_is_skipped_only_where_the_projection_stands(installation: Installation) -> None:
    installation.call("projections", "pause", "limits")
    ahead = installation.end + 100
    fail_at(installation, "limits", ahead)
    assert row(installation, "limits")["error"] == "KeyError"

    wrong = installation.call("projections", "skip", "limits", "3", "--reason", "no idea")
    assert wrong.exit_code == 1
    assert f"limits does not stand at 3: it stands at {ahead}" in wrong.stderr

    done = installation.json(
        "projections", "skip", "limits", str(ahead), "--reason", "a bad import"
    )
    assert done == {"name": "limits", "state": "skipped", "position": ahead}
    *_, skipped = installation.lines("events", "tail", "--stream", "projection/limits")
    assert skipped["type"] == "projection.skipped"
    assert skipped["data"] == {"version": 1, "position": ahead, "reason": "a bad import"}

    assert installation.json("projections", "retry", "limits")["position"] == ahead


@pytest.mark.parametrize("command", ["pause", "resume", "retry", "rebuild"])
def test_a_name_that_is_none_is_told_with_those_that_are(
    installation: Installation, command: str
) -> None:
    result = installation.call("projections", command, "flogs")
    assert result.exit_code == 1
    assert "flogs: there are actions, api_keys, " in result.stderr
    assert "flags" in result.stderr.partition(": there are ")[2]


def test_what_has_not_failed_cannot_be_retried_or_skipped(installation: Installation) -> None:
    retry = installation.call("projections", "retry", "memberships")
    skip = installation.call("projections", "skip", "memberships", "1", "--reason", "r")
    assert retry.exit_code == skip.exit_code == 1
    assert "memberships has not failed" in retry.stderr
    assert "memberships does not stand at 1: it has not failed" in skip.stderr
