"""`annals events` on a real log."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from domain.jobs import QueueJob
from tests.support.commands import Installation, now

ROOT = Path(__file__).resolve().parents[3]
TYPED = "Ada Lovelace"


@pytest.fixture(scope="module")
def job(installation: Installation) -> str:
    """A job that has died, behind one whose input somebody typed in."""
    installation.queue("say", {"to": TYPED, "bell": "\x07"})
    return installation.die()


def test_the_newest_events_are_shown_in_order(installation: Installation, job: str) -> None:
    shown = installation.lines("events", "tail", "--last", "3")
    assert [each["type"] for each in shown] == ["job.started", "job.attempt_failed", "job.died"]
    assert {each["stream"] for each in shown} == {f"job/{job}"}
    positions = [each["position"] for each in shown]
    assert positions == list(range(positions[0], positions[0] + 3))


@pytest.mark.usefixtures("job")
def test_a_tail_goes_on_behind_a_token(installation: Installation) -> None:
    whole = installation.lines("events", "tail", "--after", "0")
    [first, second] = installation.lines("events", "tail", "--after", "0", "--limit", "2")
    rest = installation.lines("events", "tail", "--after", second["token"])
    assert [first, second, *rest] == whole
    assert [each["position"] for each in whole] == list(range(1, len(whole) + 1))


def test_events_are_found_by_type_stream_and_correlation(
    installation: Installation, job: str
) -> None:
    [died] = installation.lines("events", "tail", "--type", "job.died", "--stream", f"job/{job}")
    same = installation.lines(
        "events", "tail", "--after", "0", "--correlation", died["meta"]["correlation_id"]
    )
    assert [each["type"] for each in same] == ["job.attempt_failed", "job.died"]
    assert installation.lines("events", "tail", "--tenant", "nobody") == []
    assert installation.lines("events", "tail", "--last", "1", "--type", "job.died") == [died]


def test_following_shows_what_comes_and_ends_at_its_limit(installation: Installation) -> None:
    end = installation.end
    other = installation.queue()
    last = installation.queue()
    shown = installation.lines(
        "events", "tail", "--after", str(end), "--follow", "--limit", "1", "--stream", f"job/{last}"
    )
    assert [each["stream"] for each in shown] == [f"job/{last}"]
    assert other != last


def test_following_sees_a_tenant_that_was_not_there(installation: Installation) -> None:
    command = [sys.executable, "-m", "adapters.cli", "events", "tail", "-f", "--json"]
    env = {**os.environ, **{k: v for k, v in installation.env.items() if v}}
    shown = subprocess.Popen(
        [*command, "--last", "1", "--type", "job.queued"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=env,
    )
    assert shown.stdout is not None
    with shown:
        assert '"job.queued"' in shown.stdout.readline()
        id_ = str(installation.log.new_id())
        queued = QueueJob(action="say", requester="bob", input=None, at=now())
        installation.decide(id_, queued, tenant="latecomer")
        assert f"job/{id_}" in shown.stdout.readline()
        shown.send_signal(signal.SIGINT)
        _, said = shown.communicate()
    assert shown.returncode == 130
    assert said == ""


def test_an_event_is_shown_by_position_and_by_token(installation: Installation, job: str) -> None:
    [died] = installation.lines("events", "tail", "--type", "job.died", "--stream", f"job/{job}")
    assert installation.json("events", "show", str(died["position"])) == died
    assert installation.json("events", "show", died["token"]) == died
    assert died["meta"]["actor"].startswith("cli/")


@pytest.mark.usefixtures("job")
def test_personal_fields_are_shown_only_when_asked_for(installation: Installation) -> None:
    hidden = installation.call("events", "show", "1")
    assert TYPED not in hidden.stdout
    assert '"hidden": true' in hidden.stdout
    shown = installation.call("events", "show", "1", "--personal")
    assert TYPED in shown.stdout
    assert "\x07" not in shown.stdout


@pytest.mark.usefixtures("job")
def test_only_what_is_sealed_needs_the_master_key(installation: Installation) -> None:
    key = {"MASTER_KEY_FILE": "/nowhere/master.key"}
    assert installation.call("events", "tail", **key).exit_code == 0
    refused = installation.call("events", "show", "1", "--personal", **key)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("annals: the master key /nowhere/master.key cannot be used")


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("900000", 1, "there is no event at position 900000: the log ends at"),
        ("0", 1, "there is no event at position 0"),
        ("soon", 2, "is neither a position nor a token"),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1, "belongs to the log before a restore"),
    ],
)
def test_a_place_where_no_event_is_is_told(
    installation: Installation, place: str, code: int, said: str
) -> None:
    result = installation.call("events", "show", place)
    assert result.exit_code == code
    assert said in result.stderr
    assert result.stdout == ""


def test_streams_are_listed_with_their_newest_event(installation: Installation, job: str) -> None:
    listed = installation.json("events", "streams", "--category", "job", "--tenant", "default")
    heads = {each["stream"]: each for each in listed["items"]}
    assert list(heads) == sorted(heads)
    assert (heads[f"job/{job}"]["version"], heads[f"job/{job}"]["type"]) == (4, "job.died")
    assert not listed["more"]


def test_a_list_of_streams_is_bounded_and_says_so(installation: Installation, job: str) -> None:
    listed = installation.json("events", "streams", "--limit", "1")
    assert len(listed["items"]) == 1
    assert listed["more"]
    one = installation.json("events", "streams", "--prefix", f"job/{job}")
    assert [each["stream"] for each in one["items"]] == [f"job/{job}"]
    none = installation.call("events", "streams", "--prefix", "nothing/")
    assert (none.exit_code, none.stderr) == (0, "There are no such streams.\n")


def test_a_table_shows_the_same(installation: Installation, job: str) -> None:
    result = installation.call("events", "streams", "--prefix", f"job/{job}")
    assert "job.died" in result.stdout
    result = installation.call("events", "tail", "--stream", f"job/{job}")
    assert len(result.stdout.splitlines()) == 4
