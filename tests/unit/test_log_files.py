"""A process's own file: what turns, what is kept, and that nothing about it stops a process."""

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.supervisor.output import Output
from adapters.telemetry import log_files
from adapters.telemetry.log_files import LineFile


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The file's clock, which a test moves on."""
    now = [1000.0]
    monkeypatch.setattr(log_files, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def line(number: int) -> bytes:
    return b'{"event":"line","n":%6d}\n' % number


SIZE = len(line(0))


def opened(directory: Path, process: str = "api", size: int = 3 * SIZE, count: int = 3) -> LineFile:
    return LineFile(directory, process, size=size, count=count)


def numbers(path: Path) -> list[int]:
    return [json.loads(each)["n"] for each in path.read_bytes().splitlines()]


def test_a_full_file_is_turned_and_the_oldest_goes(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    file = opened(logs)
    for number in range(14):
        assert file.write(line(number))
    assert sorted(path.name for path in logs.iterdir() if path.suffix != ".lock") == [
        "api-1.jsonl",
        "api-1.jsonl.1",
        "api-1.jsonl.2",
    ]
    assert numbers(logs / "api-1.jsonl") == [12, 13]
    assert numbers(logs / "api-1.jsonl.1") == [9, 10, 11]
    assert numbers(logs / "api-1.jsonl.2") == [6, 7, 8]
    assert logs.stat().st_mode & 0o777 == 0o700
    assert (logs / "api-1.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("count", [1, 2])
def test_few_files_are_kept_where_few_are_wanted(tmp_path: Path, count: int) -> None:
    (tmp_path / "api-1.jsonl.1").write_bytes(line(90))
    (tmp_path / "api-1.jsonl.2").write_bytes(line(91))
    file = opened(tmp_path, count=count)
    for number in range(7):
        file.write(line(number))
    kept = sorted(path.name for path in tmp_path.glob("*.jsonl*"))
    assert kept == ["api-1.jsonl", "api-1.jsonl.1"][:count]
    assert numbers(tmp_path / "api-1.jsonl") == [6]


def test_a_line_longer_than_a_file_is_kept_whole(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.write(line(1))
    long = b'{"event":"%b"}\n' % (b"x" * 10 * SIZE)
    file.write(long)
    file.write(line(2))
    assert (tmp_path / "api-1.jsonl.1").read_bytes() == long
    assert numbers(tmp_path / "api-1.jsonl") == [2]


def test_every_living_process_has_a_name_of_its_own_and_leaves_it_to_the_next(
    tmp_path: Path,
) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.write(line(1))
    second.write(line(2))
    first.close()
    third = opened(tmp_path)
    third.write(line(3))
    assert numbers(tmp_path / "api-1.jsonl") == [1, 3]
    assert numbers(tmp_path / "api-2.jsonl") == [2]


def test_what_a_killed_process_left_half_written_ends_before_the_next_line(tmp_path: Path) -> None:
    (tmp_path / "api-1.jsonl").write_bytes(line(1) + b'{"event":"li')
    opened(tmp_path).write(line(2))
    assert (tmp_path / "api-1.jsonl").read_bytes() == line(1) + b'{"event":"li\n' + line(2)


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    file = opened(tmp_path, size=40 * SIZE, count=50)
    writers = [
        threading.Thread(target=lambda base=base: [file.write(line(base + n)) for n in range(200)])
        for base in (0, 1000, 2000, 3000)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = [number for path in tmp_path.glob("*.jsonl*") for number in numbers(path)]
    assert sorted(found) == [base + n for base in (0, 1000, 2000, 3000) for n in range(200)]


def test_a_file_that_was_taken_away_is_made_anew(
    tmp_path: Path, clock: Callable[[float], None]
) -> None:
    file = opened(tmp_path)
    file.write(line(1))
    (tmp_path / "api-1.jsonl").rename(tmp_path / "elsewhere")
    clock(log_files.PAUSE)
    file.write(line(2))
    assert numbers(tmp_path / "elsewhere") == [1]
    assert numbers(tmp_path / "api-1.jsonl") == [2]


def test_a_directory_that_cannot_be_written_costs_lines_and_says_how_many(
    tmp_path: Path, clock: Callable[[float], None]
) -> None:
    logs = tmp_path / "missing" / "logs"
    file = opened(logs, size=1000)
    assert not file.write(line(1))
    assert not file.write(line(2) + line(3))
    logs.parent.mkdir()
    assert not file.write(line(4))  # not asked again yet
    clock(log_files.PAUSE)
    assert file.write(line(5))
    said = [json.loads(each) for each in (logs / "api-1.jsonl").read_bytes().splitlines()]
    assert [(each["event"], each.get("count"), each.get("n")) for each in said] == [
        ("log_lines_dropped", 4, None),
        ("line", None, 5),
    ]


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"")
    (tmp_path / "api-1.jsonl").symlink_to(tmp_path / "target")
    assert not opened(tmp_path).write(line(1))
    assert (tmp_path / "target").read_bytes() == b""


FULL = """
import resource, signal, sys
from pathlib import Path
from adapters.telemetry import log_files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
now = [0.0]
log_files.monotonic = lambda: now[0]
file = log_files.LineFile(Path(sys.argv[1]), "api", size=10**6, count=2)
line = b'{"event":"line","n":%6d}\\n'
file.write(line % 1)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (len(line % 1) + 10, hard))
lost = [file.write(line % n) for n in (2, 3)]
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
now[0] += log_files.PAUSE
assert lost == [False, False], lost
assert file.write(line % 4)
"""


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY,
    reason="this machine limits files already",
)
def test_a_disk_that_is_full_amid_a_line_costs_that_line_and_no_other(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-B", "-c", FULL, str(tmp_path)], check=True, cwd=Path.cwd())
    first, torn, dropped, last = (tmp_path / "api-1.jsonl").read_bytes().splitlines(keepends=True)
    assert (first, last) == (line(1), line(4))
    assert torn == line(2)[:10] + b"\n"
    assert json.loads(dropped)["count"] == 2


LOGGED = """
import logging, sys, structlog
from pathlib import Path
from adapters.telemetry.log_files import LineFile
from adapters.telemetry.logging import configure_logging
file = LineFile(Path(sys.argv[1]), "tester", size=10**6, count=2)
configure_logging("info", sys.argv[2], process="tester", file=file)
structlog.contextvars.bind_contextvars(correlation_id="c-1")
structlog.get_logger().info("thing_done", count=2)
logging.getLogger("foreign").warning("a word from %s", "elsewhere")
raise ValueError("the end")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_process_has_its_lines_as_json_whatever_a_person_sees(tmp_path: Path, form: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOGGED, str(tmp_path), form],
        check=False,
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "ValueError: the end" in ended.stderr
    lines = (tmp_path / "tester-1.jsonl").read_text().splitlines()
    done, foreign, crashed = map(json.loads, lines)
    assert done.items() >= {"event": "thing_done", "count": 2, "level": "info"}.items()
    assert foreign.items() >= {"event": "a word from elsewhere", "logger": "foreign"}.items()
    assert (crashed["event"], crashed["level"]) == ("process_crashed", "critical")
    assert "ValueError: the end" in crashed["exception"]
    for each in (done, foreign, crashed):
        assert (each["process"], each["correlation_id"]) == ("tester", "c-1")
    assert ended.stderr.splitlines()[: len(lines)] == lines or form == "console"


@pytest.mark.parametrize("console", [True, False])
def test_the_supervisor_keeps_what_nobody_else_does(tmp_path: Path, console: bool) -> None:  # noqa: FBT001
    file = LineFile(tmp_path, "supervisor", size=10**6, count=2)
    with Path(os.devnull).open("w") as nowhere:
        output = Output(console=console, stream=nowhere, file=file)
        output("postgres", "2026-01-01 LOG:  ready")
        output("postgres", "2026-01-01 ERROR:  relation is missing")
        output("api", '{"event":"request"}')
        output("api", "thread panicked")
    said = [json.loads(each) for each in (tmp_path / "supervisor-1.jsonl").read_text().splitlines()]
    expected = [
        ("postgres", "info", "2026-01-01 LOG:  ready"),
        ("postgres", "error", "2026-01-01 ERROR:  relation is missing"),
        ("api", "info", "thread panicked"),
    ]
    shown = [(each["process"], each["level"], each["event"]) for each in said]
    assert shown == (expected[:2] if console else expected)
