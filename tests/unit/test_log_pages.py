import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.log_reader import LinesGone, LogEntry, LogQuery
from domain.rejections import Invalid
from tests.support.log_files import LogDirectory, messages

START = datetime(2026, 1, 1, tzinfo=UTC)

LINES = st.sampled_from(
    [
        b"plain text\n",
        b"  indented\n",
        b"\n",
        b"Traceback (most recent call last):\n",
        b"ValueError: boom\n",
        b"\tat java.lang.Thread\n",
        b'{"msg":"json"}\n',
        b"crlf\r\n",
        b"\r\n",
        b"part of utf-8 \xe2\x82\n",
        b"nul \x00 byte\n",
        b"2026-01-01T00:00:00Z dated\n",
        b"a=1 b=2 msg=logfmt\n",
        b"Jan  1 00:00:00 host app[1]: syslog\n",
        b"x" * 3000 + b"\n",
        b"unfinished",
    ]
)


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[LogDirectory]:
    with closing(LogDirectory(tmp_path / "logs")) as directory:
        yield directory


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="annals-logs-"))
    yield path
    shutil.rmtree(path)


COUNT = itertools.count()


def fresh(home: Path) -> LogDirectory:
    return LogDirectory(home / str(next(COUNT)) / "logs")


def json_line(seconds: float, message: str = "m") -> str:
    at = (START + timedelta(seconds=seconds)).isoformat()
    return f'{{"timestamp":"{at}","level":"info","message":"{message}"}}\n'


@settings(max_examples=60)
@given(
    files=st.lists(st.lists(LINES, max_size=30), min_size=1, max_size=3), limit=st.integers(1, 7)
)
def test_pages_have_every_byte_once_and_read_the_same_backwards(
    home: Path, files: list[list[bytes]], limit: int
) -> None:
    logs = fresh(home)
    for number, lines in enumerate(files):
        path = logs.write(f"app.log.{number}" if number else "app.log", b"".join(lines))
        os.utime(path, (0, 0))  # for a while, one file with another's bytes is taken for a copy
    upward = logs.entries(LogQuery(order="asc", limit=limit))
    downward = logs.entries(LogQuery(order="desc", limit=limit))
    assert upward == downward[::-1]
    seen = b"".join(logs.raw(entry) for entry in upward)
    assert seen == b"".join(b"".join(lines) for lines in [*files[1:][::-1], files[0]])


@settings(max_examples=60)
@given(
    lines=st.lists(LINES, max_size=40),
    limit=st.integers(1, 5),
    order=st.sampled_from(["asc", "desc"]),
)
def test_previous_leads_back_the_way_that_next_came(
    home: Path, lines: list[bytes], limit: int, order: str
) -> None:
    logs = fresh(home)
    logs.write("app.log", b"".join(lines))
    query = LogQuery(order=order, limit=limit)  # type: ignore[arg-type]
    pages = list(logs.pages(query))
    for before, after in itertools.pairwise(pages):
        back = logs.page(msgspec.structs.replace(query, cursor=after.previous))
        assert back.entries == before.entries


@settings(max_examples=60)
@given(
    jitter=st.lists(st.integers(-30, 30), min_size=1, max_size=400),
    since=st.integers(-50, 450),
    length=st.integers(0, 200),
    order=st.sampled_from(["asc", "desc"]),
    padding=st.sampled_from([0, 900]),
)
def test_a_window_of_a_log_out_of_order_has_all_its_entries(
    home: Path, jitter: list[int], since: int, length: int, order: str, padding: int
) -> None:
    logs = fresh(home)
    times = [index + each for index, each in enumerate(jitter)]
    logs.write("app.log", "".join(json_line(time, "x" * padding) for time in times))
    found = logs.entries(
        LogQuery(
            since=START + timedelta(seconds=since),
            until=START + timedelta(seconds=since + length),
            order=order,  # type: ignore[arg-type]
            limit=1000,
        )
    )
    seen = [round((entry.at - START).total_seconds()) for entry in found if entry.at]
    expected = [time for time in times if since <= time < since + length]
    assert seen == (expected if order == "asc" else expected[::-1])


def test_files_of_one_source_are_merged_by_time(logs: LogDirectory) -> None:
    logs.write("a.log", json_line(1, "one") + json_line(4, "four"))
    logs.write("b.log", json_line(2, "two") + json_line(3, "three") + json_line(5, "five"))
    source = logs.source("*.log")
    expected = ["one", "two", "three", "four", "five"]
    for limit in (1, 2, 5):
        assert messages(logs.entries(LogQuery(order="asc", limit=limit), source)) == expected
        assert messages(logs.entries(LogQuery(limit=limit), source)) == expected[::-1]


def test_a_page_that_is_full_with_the_last_entry_has_no_next(logs: LogDirectory) -> None:
    logs.write("app.log", json_line(1, "a") + json_line(2, "b") + json_line(3, "c"))
    assert logs.page(LogQuery(limit=3)).next is None
    assert logs.page(LogQuery(limit=3, order="asc")).next is None
    assert logs.page(LogQuery(limit=2)).next is not None
    assert logs.page(LogQuery(limit=2, order="asc", q='"a"')).next is None


def test_a_source_without_files_has_an_empty_page(logs: LogDirectory) -> None:
    page = logs.page()
    assert (page.entries, page.next) == ((), None)
    logs.write("app.log", json_line(1, "first"))
    assert messages(logs.page(LogQuery(cursor=page.previous)).entries) == ["first"]


def test_previous_gives_what_was_written_since(logs: LogDirectory) -> None:
    logs.write("app.log", json_line(1, "a"))
    page = logs.page()
    for number in range(3):
        assert logs.page(LogQuery(cursor=page.previous)).entries == ()
        logs.write("app.log", json_line(2 + number, f"new {number}"))
        page = logs.page(LogQuery(cursor=page.previous))
        assert messages(page.entries) == [f"new {number}"]


def test_an_entry_that_grew_after_it_was_shown_is_shown_again_whole(logs: LogDirectory) -> None:
    logs.write("app.log", "first\nhalf a li")
    page = logs.page()
    assert messages(page.entries) == ["half a li", "first"]
    logs.write("app.log", "ne\n  and more of it\n")
    assert messages(logs.page(LogQuery(cursor=page.previous)).entries) == [
        "half a line\n  and more of it"
    ]


def rotated_by_rename(logs: LogDirectory) -> None:
    logs.rotate()


def rotated_by_copy(logs: LogDirectory) -> None:
    logs.copy_and_cut()


def rotated_and_packed(logs: LogDirectory) -> None:
    logs.rotate()
    logs.pack("app.log.1.gz")


def packed_by_date(logs: LogDirectory) -> None:
    (logs.root / "app.log").rename(logs.root / "app.log-20260101")
    logs.pack("app.log-20260101.zst")


ROTATIONS = [rotated_by_rename, rotated_by_copy, rotated_and_packed, packed_by_date]


@pytest.mark.parametrize("rotate", ROTATIONS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_cursor_stays_right_through_a_rotation(
    logs: LogDirectory, rotate: object, order: str
) -> None:
    logs.write("app.log", "".join(json_line(number, f"old {number}") for number in range(50)))
    query = LogQuery(limit=20, order=order)  # type: ignore[arg-type]
    first = logs.page(query)
    rotate(logs)  # type: ignore[operator]
    logs.write("app.log", "".join(json_line(60 + number, f"new {number}") for number in range(5)))
    rest = logs.entries(msgspec.structs.replace(query, cursor=first.next))
    old, new = [f"old {number}" for number in range(50)], [f"new {number}" for number in range(5)]
    if order == "asc":
        assert messages(first.entries) + messages(rest) == old + new
    else:
        assert messages(first.entries) + messages(rest) == old[::-1]
        newer = logs.page(LogQuery(cursor=first.previous))
        assert messages(newer.entries) == new[::-1]


def test_a_copy_that_was_not_cut_yet_is_not_read_twice(logs: LogDirectory) -> None:
    logs.write("app.log", json_line(1, "a") + json_line(2, "b"))
    shutil.copy(logs.root / "app.log", logs.root / "app.log.1")
    logs.write("app.log", json_line(3, "c"))
    assert messages(logs.entries(LogQuery(order="asc"))) == ["a", "b", "c"]


def test_a_file_that_is_just_being_packed_is_not_read_twice(logs: LogDirectory) -> None:
    logs.write("app.log.1", json_line(1, "a"))
    logs.write("app.log.1.gz", b"\x1f\x8b\x08")
    assert messages(logs.entries(LogQuery(order="asc"))) == ["a"]


def test_lines_that_were_removed_are_gone_forwards_and_the_end_backwards(
    logs: LogDirectory,
) -> None:
    logs.write("app.log", "".join(json_line(number, f"old {number}") for number in range(50)))
    up, down = logs.page(LogQuery(limit=5, order="asc")), logs.page(LogQuery(limit=5))
    (logs.root / "app.log").unlink()
    logs.write("app.log", json_line(70, "new"))
    with pytest.raises(LinesGone):
        logs.page(LogQuery(limit=5, order="asc", cursor=up.next))
    assert logs.page(LogQuery(limit=5, cursor=down.next)).entries == ()


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_cursor_of_another_source_is_refused_in_either_direction(
    logs: LogDirectory, order: Literal["asc", "desc"]
) -> None:
    for name in ("app.log", "other.log"):
        logs.write(name, "".join(json_line(number, name) for number in range(3)))
    cursor = logs.page(LogQuery(limit=1, order=order)).next
    with pytest.raises(LinesGone):
        logs.page(LogQuery(order=order, cursor=cursor), logs.source("other.log"))


def test_a_time_beyond_the_calendar_is_none_and_hides_no_line(logs: LogDirectory) -> None:
    for at in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        logs.write("app.log", f'{{"time":"{at}","msg":"{at[:4]}"}}\n')
    logs.write("app.log", json_line(1, "today"))
    assert messages(logs.entries(LogQuery(order="asc"))) == ["0001", "9999", "today"]


@pytest.mark.parametrize("cursor", ["x", "%", "kaRuZXh0kA", "k6NmZm", "AAAA", "ä", "=" * 9, ""])
def test_what_is_no_cursor_is_refused(logs: LogDirectory, cursor: str) -> None:
    logs.write("app.log", json_line(1))
    with pytest.raises(Invalid) as refused:
        logs.page(LogQuery(cursor=cursor))
    assert refused.value.faults[0].pointer == "/cursor"


def test_a_search_whose_time_is_up_goes_on_where_it_stopped(tmp_path: Path) -> None:
    logs = LogDirectory(tmp_path / "logs", page_seconds=0.0)
    logs.write("app.log", "".join(json_line(number, "x" * 2000) for number in range(300)))
    logs.write("app.log", json_line(301, "the needle"))
    logs.rotate()
    logs.write("app.log", json_line(302, "nothing"))
    page = logs.page(LogQuery(q="needle", order="asc"))
    assert page.unfinished
    assert page.next is not None
    patient = LogDirectory(tmp_path / "logs")
    assert messages(patient.entries(LogQuery(q="needle", order="asc", cursor=page.next))) == [
        "the needle"
    ]


def test_archives_are_one_stream_with_what_goes_on(logs: LogDirectory) -> None:
    for number, name in enumerate(("app.log.3", "app.log.2", "app.log.1", "app.log")):
        logs.write(
            name, "".join(json_line(number * 10 + each, f"{number}{each}") for each in range(10))
        )
    logs.pack("app.log.3.gz")
    logs.pack("app.log.2.zst")
    expected = [f"{number}{each}" for number in range(4) for each in range(10)]
    assert messages(logs.entries(LogQuery(order="asc", limit=7))) == expected
    assert messages(logs.entries(LogQuery(limit=7))) == expected[::-1]
    window = LogQuery(since=START + timedelta(seconds=8), until=START + timedelta(seconds=12))
    assert messages(logs.entries(window)) == ["11", "10", "09", "08"]


def test_a_damaged_archive_is_read_up_to_the_damage(logs: LogDirectory) -> None:
    logs.write("app.log.1", "".join(json_line(number, str(number)) for number in range(5000)))
    packed = logs.pack("app.log.1.gz")
    packed.write_bytes(packed.read_bytes()[:-2000])
    found = messages(logs.entries(LogQuery(order="asc", limit=1000)))
    assert 100 < len(found) < 5000
    assert found[:100] == [str(number) for number in range(100)]


def test_memory_of_a_page_is_bounded_by_its_bytes_too(logs: LogDirectory) -> None:
    logs.write("app.log", "".join(json_line(number, "x" * 1_000_000) for number in range(12)))
    page = logs.page(LogQuery(limit=100, order="asc"))
    assert len(page.entries) < 12
    assert page.next is not None
    assert page.entries[0].cut
    assert len(logs.entries(LogQuery(limit=100, order="asc"))) == 12


def test_an_entry_knows_where_it_lies(logs: LogDirectory) -> None:
    lines = [json_line(number, f"ä{number}") for number in range(3)]
    logs.write("app.log", "".join(lines))
    entry: LogEntry = logs.page(LogQuery(order="asc", limit=1, q="ä1")).entries[0]
    assert logs.raw(entry) == lines[1].encode()
    assert entry.file == str(logs.root / "app.log")
