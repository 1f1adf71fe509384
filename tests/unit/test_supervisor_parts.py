"""Pauses between restarts, and the one stream of lines."""

import io
import json

from adapters.supervisor.backoff import Backoff
from adapters.supervisor.output import Output


def test_pauses_double_up_to_the_most() -> None:
    backoff = Backoff(first=1, most=5, stable=10)
    assert [backoff.after(0) for _ in range(5)] == [1, 2, 4, 5, 5]


def test_a_stable_run_begins_anew() -> None:
    backoff = Backoff(first=1, most=5, stable=10)
    assert [backoff.after(0), backoff.after(9), backoff.after(10), backoff.after(0)] == [1, 2, 1, 2]


def test_a_terminal_sees_whose_line_it_is() -> None:
    stream = io.StringIO()
    Output(console=True, stream=stream)("api", "hello")
    assert stream.getvalue() == "api        | hello\n"


def test_machines_see_one_object_per_line() -> None:
    stream = io.StringIO()
    output = Output(console=False, stream=stream)
    output("api", '{"event":"started"}')
    output("postgres", 'LOG:  "ready"')
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first == {"event": "started"}
    assert (second["event"], second["process"]) == ('LOG:  "ready"', "postgres")


def test_a_stream_that_is_gone_disturbs_nobody() -> None:
    stream = io.StringIO()
    output = Output(console=True, stream=stream)
    stream.close()
    output("api", "hello")
