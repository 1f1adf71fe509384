"""What commands write: for people on a terminal, for machines, and on stderr when they fail."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import click
import pytest
from click.testing import CliRunner, Result
from typing_extensions import override

from adapters.cli.health import ask, faults, health
from adapters.cli.main import annals
from adapters.cli.output import Column, Output, moment, printable, span, state
from adapters.cli.running import Broken, CannotRun, Failed, failures, sentence, told
from adapters.postgres.migrations import SchemaTooOld
from adapters.settings import SettingsError
from adapters.startup import CannotStart
from application.event_store import ForeignIncarnation, Outage
from domain.jobs import JobHasEnded
from domain.projections import NotFailed
from tests.support.commands import kept_logging

COLUMNS = (
    Column[tuple[str, object]]("name", lambda row: row[0]),
    Column[tuple[str, object]]("error", lambda row: row[1], folds=True),
)


def test_controls_of_a_terminal_are_shown_by_their_escapes() -> None:
    assert printable("a\x1b[2Jb\nc\x9bd\u202ee") == "a\\x1b[2Jb\\nc\\x9bd\\u202ee"
    assert printable("Zoë 日本 1") == "Zoë 日本 1"


def test_a_time_is_in_utc_to_the_millisecond() -> None:
    at = datetime(2026, 11, 21, 10, 14, 18, 250_999, tzinfo=timezone(timedelta(hours=1)))
    assert moment(at) == "2026-11-21 09:14:18.250Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-0.5, "0 ms"),
        (0.25, "250 ms"),
        (12.4, "12 s"),
        (300, "5 min"),
        (10_800, "3 h"),
        (200_000, "2 d"),
    ],
)
def test_a_duration_is_told_in_one_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_state_has_its_colour_and_an_unknown_one_none() -> None:
    assert state("dead").style == "red"
    assert state("asleep").style == ""


def test_a_table_that_nobody_looks_at_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table([("x" * 300, "[red]no markup[/red]")], COLUMNS, empty="")
    out = capsys.readouterr().out
    assert "x" * 300 in out
    assert "[red]no markup[/red]" in out


def test_a_column_that_folds_is_left_out_when_empty(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table([("a", None), ("b", "")], COLUMNS, empty="")
    assert "error" not in capsys.readouterr().out


def test_an_empty_table_says_so_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table([], COLUMNS, empty="There are none.")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "There are none.\n"


def test_json_is_one_document_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.document({"items": [1, "ä\x1b"]})
    output.line({"a": 1})
    assert capsys.readouterr().out == '{"items":[1,"ä\\u001b"]}\n{"a":1}\n'


def test_progress_says_nothing_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with Output(as_json=True).progress("work", 2) as tell:
        tell(1, 2)
        tell(2, 2)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (JobHasEnded("The job is dead.", state="dead"), 1, "The job is dead."),
        (
            NotFailed(projection="flags", failed_at=None),
            1,
            "The projection has not failed there (projection flags)",
        ),
        (CannotStart("the port is taken"), 2, "the port is taken"),
        (SchemaTooOld("run `annals migrate`"), 2, "run `annals migrate`"),
        (SettingsError(["PORT must be a port"]), 2, "PORT must be a port"),
        (ForeignIncarnation(), 1, "the log was replaced"),
        (Outage("the log does not answer"), 2, "the log does not answer: is it running"),
        (KeyError("secret"), 70, "the program is at fault (KeyError)"),
    ],
)
def test_every_error_is_one_line_and_an_exit_code(error: Exception, code: int, text: str) -> None:
    failed = told(error)
    assert failed.exit_code == code
    assert failed.message.startswith(text)
    assert "\n" not in failed.message


def test_a_rejection_that_says_enough_is_told_without_its_facts() -> None:
    assert sentence(JobHasEnded("The job is dead.", state="dead")) == "The job is dead."


def test_a_fault_of_the_program_shows_where_only_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    with pytest.raises(Broken), failures():
        raise ZeroDivisionError
    monkeypatch.setenv("LOG_LEVEL", "debug")
    with pytest.raises(ZeroDivisionError), failures():
        raise ZeroDivisionError


def test_usage_errors_and_interrupts_keep_their_codes() -> None:
    with pytest.raises(click.UsageError), failures():
        raise click.UsageError("no")
    with pytest.raises(SystemExit, match="130"), failures():
        raise KeyboardInterrupt


def test_several_lines_are_each_told_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    CannotRun("PORT must be a port\nHOST must be\x1b an address").show()
    assert capsys.readouterr().err == (
        "annals: PORT must be a port\nannals: HOST must be\\x1b an address\n"
    )
    assert issubclass(CannotRun, Failed)


@pytest.fixture(autouse=True)
def _logging_stays_as_it_was() -> Iterator[None]:
    with kept_logging():
        yield


def run(*arguments: str, **env: str | None) -> Result:
    return CliRunner().invoke(annals, list(arguments), env=env)


@pytest.mark.parametrize(
    "arguments",
    [
        ("events", "show"),
        ("events", "tail", "--correlation", "x"),
        ("projections", "skip", "flags", "3"),
        ("projections", "skip", "flags", "three", "--reason", "r"),
        ("jobs", "show", "no-uuid"),
        ("jobs", "list", "--state", "asleep"),
        ("jobs", "cancel"),
        ("health", "--port", "70000"),
        ("owner", "rotate", "--force"),
    ],
)
def test_a_wrong_call_is_told_with_exit_code_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


@pytest.mark.parametrize("group", ["events", "projections", "jobs", "owner"])
def test_every_group_lists_its_commands(group: str) -> None:
    result = run(group, "--help")
    assert result.exit_code == 0
    assert "Commands:" in result.stdout


@contextmanager
def api(status: int, body: bytes) -> Iterator[int]:
    """Something that listens and always answers so; gives its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def readiness(status: str, **checks: str) -> bytes:
    return json.dumps({"status": status, "checks": checks}).encode()


def asked(port: int, *options: str) -> Result:
    return CliRunner().invoke(health, [*options, "--port", str(port)], env={"HOST": "0.0.0.0"})


def test_a_ready_api_is_healthy() -> None:
    with api(200, readiness("ready", postgres="ok")) as port:
        result = asked(port)
    assert (result.exit_code, result.stdout) == (0, "ready\n")


def test_an_api_that_is_not_ready_tells_what_is_wrong() -> None:
    body = readiness("not ready", postgres="ok", redis="does not answer (Outage)")
    with api(503, body) as port:
        result = asked(port)
        as_json = asked(port, "--json")
    assert result.exit_code == as_json.exit_code == 1
    assert result.stderr == "annals: redis: does not answer (Outage)\n"
    assert json.loads(as_json.stdout)["status"] == "not ready"


def test_a_draining_api_is_not_healthy() -> None:
    with api(503, readiness("draining", postgres="ok")) as port:
        result = asked(port)
    assert (result.exit_code, result.stderr) == (1, "annals: draining\n")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"status":1}'])
def test_something_else_on_the_port_is_not_healthy(body: bytes) -> None:
    with api(200, body) as port:
        result = asked(port)
    assert result.exit_code == 1
    assert "is not Annals" in result.stderr


def test_an_api_that_is_away_is_not_healthy() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers here
        answer = ask("127.0.0.1", closed.getsockname()[1], 2.0)
    assert answer["status"] == "unreachable"
    assert "does not answer" in faults(answer)[0]


def test_a_wrong_setting_prevents_the_question() -> None:
    result = CliRunner().invoke(health, [], env={"PORT": "none"})
    assert result.exit_code == 2
    assert result.stderr == "annals: PORT must be a port from 1 to 65535, not 'none'\n"


def test_without_a_platform_every_command_says_how_to_start_one(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    for command in (("events", "tail"), ("projections", "list"), ("jobs", "list")):
        result = run(*command, DATABASE_URL=None, DATA_DIR=None)
        assert result.exit_code == 2
        assert "start one with `annals up`" in result.stderr
