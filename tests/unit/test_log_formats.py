from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from adapters.logs import levels, stamps
from adapters.logs.formats.detection import detect
from adapters.logs.formats.format import Parsed
from adapters.logs.stamps import Stamps
from application.log_reader import LogQuery
from tests.support.log_files import LogDirectory, messages

NEW_YEAR = datetime(2026, 1, 1, 2, tzinfo=UTC)

LINES = {
    "json": b'{"ts":1767225845.5,"level":30,"msg":"x","user":"ada","big":123456789012345678901}\n',
    "logfmt": b'ts=2026-01-01T00:04:05.5Z level=info msg="served \\"it\\"" user=ada path=/x\n',
    "syslog": b"Jan  1 00:04:05 web-1 nginx[42]: served\n",
    "syslog-5424": b'<165>1 2026-01-01T01:04:05.5+01:00 web app 42 ID [x@1 user="ad\\"a"] served\n',
    "access": b'10.0.0.1 - ada [01/Jan/2026:00:04:05 +0000] "GET /x HTTP/1.1" 503 12\n',
    "access-combined": b'10.0.0.1 - - [01/Jan/2026:00:04:05 +0000] "GET / HTTP/1.1" 200 - "" "c"\n',
    "text": b"2026-01-01 00:04:05,500 WARNING app: served\n",
}


def read(line: bytes, zone: str = "UTC") -> tuple[str, Parsed]:
    format_ = detect(line, Stamps(zone, modified=NEW_YEAR))
    return format_.name, format_.parse(line)


@pytest.mark.parametrize("name", LINES)
def test_every_format_is_told_from_the_others_and_its_time_read(name: str) -> None:
    found, parsed = read(LINES[name])
    assert found == name
    assert parsed.at is not None
    at = stamps.moment(parsed.at)
    assert at.replace(microsecond=0) == datetime(2026, 1, 1, 0, 4, 5, tzinfo=UTC)
    whole_seconds = name.startswith(("access", "syslog")) and name != "syslog-5424"
    assert at.microsecond == (0 if whole_seconds else 500_000)


def test_the_parts_of_each_format() -> None:
    parsed = {name: read(line)[1] for name, line in LINES.items()}
    assert {name: each.level for name, each in parsed.items()} == {
        "json": "info",
        "logfmt": "info",
        "syslog": None,
        "syslog-5424": "notice",
        "access": "error",
        "access-combined": "info",
        "text": "warning",
    }
    assert parsed["json"].fields == {"user": "ada", "big": 123456789012345678901}
    assert parsed["logfmt"].message == 'served "it"'
    assert parsed["logfmt"].fields == {"user": "ada", "path": "/x"}
    assert parsed["syslog"].fields == {"host": "web-1", "app": "nginx", "pid": "42"}
    assert parsed["syslog-5424"].fields["x@1.user"] == 'ad"a'
    assert parsed["syslog-5424"].fields["facility"] == "local4"
    assert parsed["access"].fields["status"] == 503
    assert parsed["access-combined"].fields["agent"] == "c"
    assert parsed["text"].message == "WARNING app: served"


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-07-01T12:00:00Z", "UTC", "2026-07-01T12:00:00+00:00"),
        ("2026-07-01T12:00:00.123456789Z", "UTC", "2026-07-01T12:00:00.123456+00:00"),
        ("2026-07-01T12:00:00-05:30", "UTC", "2026-07-01T17:30:00+00:00"),
        ("2026-07-01 12:00:00,5", "Europe/Berlin", "2026-07-01T10:00:00.500000+00:00"),
        ("2026/01/01 12:00:00", "Europe/Berlin", "2026-01-01T11:00:00+00:00"),
        ("2026-07-01T12:00:60Z", "UTC", "2026-07-01T12:01:00+00:00"),
        (1782907200, "UTC", "2026-07-01T12:00:00+00:00"),
        (1782907200.25, "UTC", "2026-07-01T12:00:00.250000+00:00"),
        (1782907200123, "UTC", "2026-07-01T12:00:00.123000+00:00"),
        (1782907200123456, "UTC", "2026-07-01T12:00:00.123456+00:00"),
        (1782907200123456789, "UTC", "2026-07-01T12:00:00.123456+00:00"),
        ("1782907200", "UTC", "2026-07-01T12:00:00+00:00"),
        ("Wed Jul 01 12:00:00.5 2026", "UTC", "2026-07-01T12:00:00.500000+00:00"),
    ],
)
def test_stamps_are_read_with_their_zone(text: object, zone: str, expected: str) -> None:
    found = Stamps(zone).any(text)
    assert found is not None
    assert stamps.moment(found).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2026-13-01T00:00:00Z", 42, True, None, float("nan"), []),
        *("0001-01-01T00:00:00+23:59", "0001-01-01 00:00:00", "0000-01-01T00:00:00Z"),
        *("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:60Z", "Fri Dec 31 23:59:60 9999"),
    ],
)
def test_what_is_no_stamp_is_none(text: object) -> None:
    assert Stamps().any(text) is None


def test_a_stamp_without_a_year_is_the_last_before_the_file_was_written() -> None:
    found = [
        Stamps(modified=NEW_YEAR).bsd(text) for text in (b"Dec 31 23:59:59", b"Jan  1 00:00:01")
    ]
    assert [stamps.moment(each).year for each in found if each is not None] == [2025, 2026]
    leap = Stamps(modified=NEW_YEAR).bsd(b"Feb 29 00:00:00")
    assert leap is not None
    assert stamps.moment(leap).year == 2024


@pytest.mark.parametrize(
    ("value", "level"),
    [
        *(("WARN", "warning"), ("Fatal", "critical"), (30, "info"), (3, "error"), ("50", "error")),
        *(("odd", None), (True, None), (None, None), (99, None)),
    ],
)
def test_levels_have_one_set_of_words(value: object, level: str | None) -> None:
    assert levels.of_value(value) == level


TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "a.py", line 1, in <module>\n'
    "    boom()\n"
    "ValueError: boom\n"
    "\n"
    "During handling of the above exception, another exception occurred:\n"
    "\n"
    "Traceback (most recent call last):\n"
    '  File "b.py", line 2, in f\n'
    "app.errors.Oops: again\n"
)


@pytest.mark.parametrize(
    "head",
    [
        "2026-01-01 00:00:0{} ERROR it failed\n",
        "Jan  1 00:00:0{} host app[1]: it failed\n",
        "it failed {}\n",
        'ts=2026-01-01T00:00:0{}Z level=error msg="it failed"\n',
    ],
)
def test_a_traceback_stays_with_its_message(tmp_path: Path, head: str) -> None:
    logs = LogDirectory(tmp_path / "logs")
    logs.write("app.log", "".join(head.format(number) + TRACEBACK for number in range(3)))
    entries = logs.entries(LogQuery(order="asc"))
    assert len(entries) == 3
    assert all(each.message.endswith("app.errors.Oops: again") for each in entries)
    assert logs.entries(LogQuery(q="ValueError")) == entries[::-1]


def test_a_traceback_between_json_lines_is_one_entry(tmp_path: Path) -> None:
    logs = LogDirectory(tmp_path / "logs")
    line = '{"time":"2026-01-01T00:00:00Z","msg":"m"}\n'
    logs.write("app.log", line * 3 + TRACEBACK + line)
    found = messages(logs.entries(LogQuery(order="asc")))
    assert found == ["m", "m", "m", TRACEBACK.rstrip("\n"), "m"]


FIELD_LINES = [
    '{"user":"ada","n":5,"ok":true,"none":null,"http":{"status":"200"},"path":"/a/b"}',
    '{"user":"\\u0061da","n":5.0,"http":{"status":200},"path":"\\/a\\/b"}',
    '{"us\\u0065r":"ada","http.status":"200"}',
    '{"user":"adam","n":55,"note":"user ada 5 true null"}',
    '{"user":"a\\"d\\\\a\\nb\\u00e9"}',
    '{"user":"a\\"d\\\\a\\nbé"}',
    "user ada",
]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("user", "ada", [0, 1, 2]),
        ("n", "5", [0]),
        ("n", "5.0", [1]),
        ("ok", "true", [0]),
        ("none", "null", [0]),
        ("http.status", "200", [0, 1, 2]),
        ("path", "/a/b", [0, 1]),
        ("user", 'a"d\\a\nbé', [4, 5]),
        ("absent", "ada", []),
        ("http", '{"status":200}', [1]),
    ],
)
def test_fields_of_json_are_compared_by_what_they_mean(
    tmp_path: Path, field: str, value: str, expected: list[int]
) -> None:
    logs = LogDirectory(tmp_path / "logs")
    logs.write("app.log", "\n".join(FIELD_LINES) + "\n")
    entries = logs.entries(LogQuery(order="asc", fields={field: value}))
    assert [FIELD_LINES.index(logs.raw(each).decode().strip()) for each in entries] == expected


def test_levels_of_json_are_found_however_they_are_written(tmp_path: Path) -> None:
    logs = LogDirectory(tmp_path / "logs")
    spelled = ['"error"', '"ERR"', "50", '"50"', "3", '"\\u0065rror"', '"info"', "30", "null"]
    logs.write("app.log", "".join(f'{{"level": {each} , "msg":"x"}}\n' for each in spelled))
    found = logs.entries(LogQuery(levels=frozenset({"error"}), order="asc"))
    assert len(found) == 6


@pytest.mark.parametrize(
    ("rest", "field", "value"),
    [
        (b'"ratio":NaN', "ratio", "NaN"),
        (b'"ratio":[-Infinity],"of":{"a":7}', "of.a", "7"),
        (b'"name":"\\ud83d"', "name", "?"),
        (b'"name":"caf\xc3"', "name", "caf\ufffd"),
        (b'"name":"a\tb"', "name", "a\tb"),
    ],
)
def test_a_line_that_only_lenient_readers_take_keeps_its_time_level_and_fields(
    rest: bytes, field: str, value: str
) -> None:
    line = b'{"time":"2026-07-01T12:00:00Z","level":"error","msg":"m",' + rest + b"}\n"
    format_ = detect(line, Stamps("UTC"))
    parsed = format_.parse(line)
    assert format_.name == "json"
    assert parsed.at == format_.moment(line) == format_.head(line)[0] is not None
    assert (parsed.level, parsed.message) == ("error", "m")
    assert format_.head(line)[1] == "error"
    assert format_.field_is(line, field, value)
    assert not format_.field_is(line, field, "another")
    msgspec.json.encode(parsed.fields)


@pytest.mark.parametrize("levels", [400, 5_000, 100_000])
def test_a_line_that_is_nested_without_end_is_text(levels: int) -> None:
    line = b'{"msg":NaN,"a":' + b"[" * levels + b"]" * levels + b"}\n"
    assert detect(b'{"msg":"m"}\n', Stamps("UTC")).parse(line).at is None
