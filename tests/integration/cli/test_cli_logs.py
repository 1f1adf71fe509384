"""`annals logs`: lines without the API, and who may be shown what."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from application.unit import Unit
from domain.logs import LOG_SOURCE, RegisterLogSource
from tests.support.commands import Installation, call

START = datetime(2026, 1, 1, tzinfo=UTC)


def line(number: int, **fields: Any) -> str:
    at = (START + timedelta(seconds=number)).isoformat()
    level = "error" if number % 5 == 4 else "info"
    return json.dumps({"time": at, "level": level, "msg": f"line {number}", "n": number, **fields})


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A data directory in which nothing runs, with lines of the platform's."""
    logs = tmp_path / "data" / "logs"
    logs.mkdir(parents=True)
    (logs / "api-1.jsonl").write_text("".join(line(n) + "\n" for n in range(0, 20, 2)))
    (logs / "worker-1.jsonl").write_text("".join(line(n) + "\n" for n in range(1, 20, 2)))
    return logs.parent


def read(own: Path, *arguments: str) -> Result:
    return call("logs", *arguments, DATA_DIR=str(own), DATABASE_URL=None)


def numbers(result: Result) -> list[int]:
    assert result.exit_code == 0, result.output
    return [json.loads(each)["fields"]["n"] for each in result.stdout.splitlines()]


def test_the_platforms_lines_are_read_while_nothing_runs(own: Path) -> None:
    assert numbers(read(own, "show", "--json")) == list(range(20))
    assert numbers(read(own, "tail", "-n", "3", "--json")) == [17, 18, 19]
    assert numbers(read(own, "show", "--level", "error", "--json")) == [4, 9, 14, 19]
    assert numbers(read(own, "show", "--field", "n=7", "--json")) == [7]
    assert numbers(read(own, "show", "--q", "line 1", "--regex", "[34]", "--json")) == [13, 14]
    window = ("--since", "2026-01-01T00:00:05Z", "--until", "2026-01-01T00:00:08Z")
    assert numbers(read(own, "show", *window, "--json")) == [5, 6, 7]


def test_a_line_is_told_in_full_and_harmless(own: Path) -> None:
    (own / "logs" / "api-1.jsonl").write_text(line(1, who="\x1b[31mred") + "\n")
    (own / "logs" / "worker-1.jsonl").unlink()
    result = read(own, "show")
    assert result.stdout.startswith("2026-01-01 00:00:01.000Z info     line 1 ")
    assert "\x1b" not in result.stdout


def test_more_lines_than_were_asked_for_are_told_of(own: Path) -> None:
    result = read(own, "show", "--limit", "3", "--json")
    assert numbers(result) == [0, 1, 2]
    assert "There are more" in result.stderr
    assert "There are more" not in read(own, "show", "--limit", "20").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "neither a time"),
        (("--regex", "("), "regex"),
        (("--field", "n"), "NAME=VALUE"),
        (("--level", "loud"), "loud"),
    ],
)
def test_what_was_asked_wrongly_is_told(own: Path, arguments: tuple[str, ...], said: str) -> None:
    result = read(own, "show", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_tail_goes_on(own: Path) -> None:
    arguments = [sys.executable, "-m", "adapters.cli", "logs", "tail", "-f", "-n", "1"]
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        [*arguments, "--json", "--data-dir", str(own)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["message"] == "line 19"
        with (own / "logs" / "api-1.jsonl").open("a") as out:
            out.write(line(20) + "\n")
        assert json.loads(tail.stdout.readline())["message"] == "line 20"
        tail.terminate()


@pytest.fixture
def source(installation: Installation, tmp_path: Path) -> Path:
    """The root below which the registered source `app` has its file."""
    root = tmp_path / "logs"
    root.mkdir()
    (root / "app.log").write_text(line(3) + "\n")
    register = RegisterLogSource(
        source="app",
        paths=(str(root / "app.log"),),
        format=None,
        time_zone="UTC",
        slack=60.0,
        description="",
        at=START,
    )

    async def decide(unit: Unit) -> None:
        await unit.decide(LOG_SOURCE, "app", register)

    async def run() -> None:
        await installation.log.pipeline.run(decide, installation.log.context())

    installation.run(run())
    installation.caught_up()
    return root


def test_registered_sources_are_listed_and_read_and_the_reading_is_known(
    installation: Installation, source: Path
) -> None:
    opened = {"LOG_ROOTS": str(source)}
    listed = installation.call("logs", "list", "--json", **opened)
    items = {each["name"]: each for each in json.loads(listed.stdout)["items"]}
    assert items.keys() == {"app", "platform"}
    assert (items["app"]["format"], items["app"]["files"]) == ("json", 1)
    assert numbers(installation.call("logs", "show", "app", "--json", **opened)) == [3]
    numbers(installation.call("logs", "show", "app", "--json", **opened))
    events = installation.lines("events", "tail", "--type", "log.read")
    assert 1 <= len(events) <= 2  # the minute may have turned meanwhile
    assert events[0]["data"]["reader"].startswith("cli/")


def test_what_is_not_there_or_not_open_any_more_is_told(
    installation: Installation, source: Path
) -> None:
    del source
    unknown = installation.call("logs", "show", "nope")
    closed = installation.call("logs", "show", "app")
    assert (unknown.exit_code, closed.exit_code) == (1, 1)
    assert "there is no log source nope" in unknown.stderr
    assert "LOG_ROOTS" in closed.stderr
    listed = installation.call("logs", "list")
    assert listed.exit_code == 0
    assert "app" in listed.stdout
