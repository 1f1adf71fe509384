"""Searching finds byte for byte what grep finds, on files that no program should have written."""

import os
import random
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from application.log_reader import LogQuery
from tests.support.log_files import LogDirectory

GREP = shutil.which("grep") or "grep"
NEEDLES = ["ERROR", "e", "r\x00", "é", "日本", "\ufeff", "a b", ".*", "[x", "\r", "\\", '"', "ERRO"]
PATTERNS = [
    "ERROR",
    "^ERROR",
    "ERROR$",
    "^$",
    "E.*R",
    "(foo|bar)+baz",
    "[^a-z]{3}",
    "x{5,9}",
    "[[:digit:]]{4}-[[:digit:]]{2}",
    "é+",
    "[é日]",
    ".ERROR.",
    "^.{1,3}$",
    "ERROR.?$",
    r"\.",
    "e*",
    "a|^b|c$",
]


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[LogDirectory]:
    with closing(LogDirectory(tmp_path / "logs")) as directory:
        yield directory


def corpus(seed: int) -> bytes:
    """Lines with what breaks readers: CRLF, halves of characters, NULs, a megabyte, no end."""
    chance = random.Random(seed)
    pieces = [
        *(b"ERROR", b"error", b"foo", b"bar", b"baz", b" ", b"\x00", b"\r", b"\xff", b"\xe2\x82"),
        *(
            "é日本\ufeff".encode(),
            b"2026-01-02",
            b"xxxxxxx",
            b".*[x",
            b"\\",
            b'"',
            b"abc",
            b"r\x00",
        ),
    ]
    lines = []
    for number in range(400):
        line = b"".join(chance.choices(pieces, k=chance.randrange(0, 9)))
        if number % 150 == 75:
            line = line + b"y" * 1_000_000 + b"ERROR" * (number % 2)
        lines.append(line + chance.choice([b"\n", b"\n", b"\r\n"]))
    lines.append(chance.choice([b"", b"no end ERROR", b"\xe6\x97"]))
    return b"".join(lines)


def grep(*arguments: str, pattern: str, file: Path) -> list[tuple[int, bytes]]:
    """The offset and bytes of each line that the real one finds."""
    ran = subprocess.run(
        [GREP, "-a", "-b", *arguments, "--", str(file)],
        input=pattern.encode(),
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert ran.returncode in (0, 1), ran.stderr
    found = [re.match(rb"(\d+):(.*)", line, re.DOTALL) for line in ran.stdout.split(b"\n")[:-1]]
    return [(int(each[1]), each[2]) for each in found if each]


def found(logs: LogDirectory, query: LogQuery) -> list[tuple[int, bytes]]:
    """The same, where every line is an entry."""
    source = logs.source(format="json")
    return [
        (entry.offset, logs.raw(entry).removesuffix(b"\n")) for entry in logs.entries(query, source)
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_text_is_found_where_grep_finds_it(logs: LogDirectory, seed: int) -> None:
    data = b"".join(b"{" + line for line in corpus(seed).splitlines(keepends=True))
    file = logs.write("app.log", data.replace(b"\n", b"\n{").replace(b"{{", b"{"))
    for needle in NEEDLES:
        expected = grep("-F", "-f", "-", pattern=needle, file=file)
        assert found(logs, LogQuery(q=needle, order="asc", limit=1000)) == expected, needle
        assert found(logs, LogQuery(q=needle, limit=1000)) == expected[::-1], needle


@pytest.mark.parametrize("seed", [4, 5])
def test_a_pattern_matches_where_grep_matches_it(logs: LogDirectory, seed: int) -> None:
    file = logs.write("app.log", corpus(seed))
    for pattern in PATTERNS:
        lines = grep("-E", "-f", "-", pattern=pattern, file=file)
        entries = logs.entries(LogQuery(regex=pattern, order="asc", limit=1000))
        spans = [(entry.offset, entry.offset + entry.length) for entry in entries]
        holding = [
            next(((a, b) for a, b in spans if a <= offset and offset + len(line) <= b), None)
            for offset, line in lines
        ]
        assert None not in holding, pattern
        assert sorted(set(holding)) == spans, pattern  # type: ignore[type-var]


def test_ignoring_case_finds_what_grep_does(logs: LogDirectory) -> None:
    file = logs.write("app.log", corpus(6))
    expected = {offset for offset, _ in grep("-F", "-i", "-f", "-", pattern="eRRoR", file=file)}
    entries = logs.entries(LogQuery(q="eRRoR", ignore_case=True, limit=1000))
    assert all(
        any(entry.offset <= offset < entry.offset + entry.length for offset in expected)
        for entry in entries
    )
    assert all(
        any(entry.offset <= offset < entry.offset + entry.length for entry in entries)
        for offset in expected
    )


def test_archives_give_the_bytes_of_the_files_that_they_were(logs: LogDirectory) -> None:
    plain = logs.write("plain", corpus(7))
    lines = grep("-F", "-f", "-", pattern="ERROR", file=plain)
    for ending in (".gz", ".zst"):
        logs.write("app.log.1", plain.read_bytes())
        packed = logs.pack(f"app.log.1{ending}")
        seen = b"".join(
            logs.raw(entry) for entry in logs.entries(LogQuery(q="ERROR", order="asc", limit=1000))
        )
        assert all(line in seen for _, line in lines)
        assert sum(line.count(b"ERROR") for _, line in lines) == seen.count(b"ERROR")
        packed.unlink()


def test_no_line_is_missed_or_seen_twice_while_files_rotate(logs: LogDirectory) -> None:
    stop, turn, written = threading.Event(), threading.Semaphore(0), 0

    def write() -> None:
        nonlocal written
        while not stop.is_set() and written < 20_000:
            logs.write("app.log", "".join(f"{{ {written + each} needle\n" for each in range(50)))
            written += 50
            if turn.acquire(blocking=False):
                logs.rotate()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for order in ("asc", "desc") * 5:
            before = written
            turn.release()  # a rotation at some moment of what follows
            page = logs.page(LogQuery(q="needle", order=order, limit=1000))  # type: ignore[arg-type]
            numbers = [int(entry.message.split()[1]) for entry in page.entries]
            if order == "desc":
                numbers.reverse()
            first = numbers[0] if numbers else 0
            assert numbers == list(range(first, first + len(numbers)))
            assert first == 0 or order == "desc"
            assert len(numbers) >= min(before, 1000)
            assert order == "asc" or first + len(numbers) >= before
    finally:
        stop.set()
        writer.join()
    seen = b"".join(
        logs.raw(entry) for entry in logs.entries(LogQuery(q="needle", order="asc", limit=1000))
    )
    older = sorted(logs.root.glob("app.log.*"), key=lambda path: -int(path.suffix[1:]))
    files = [*older, logs.root / "app.log"]
    grepped = subprocess.run(
        [GREP, "-h", "-F", "needle", *map(str, filter(Path.exists, files))],
        capture_output=True,
        check=True,
    ).stdout
    assert seen == grepped
