"""Log lines look the same whoever writes them, and show no variable's value."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, structlog
from adapters.telemetry.logging import configure_logging
configure_logging("info", {form!r}, process="tester")
structlog.contextvars.bind_contextvars(correlation_id="c-1")
log = structlog.get_logger()
log.debug("unheard")
log.info("thing_done", count=2)
logging.getLogger("foreign").warning("a word from %s", "elsewhere")
def fail(password):
    raise ValueError("no")
try:
    fail("hunter" + str(2))
except ValueError:
    log.exception("thing_failed")
"""


def lines(form: str) -> list[str]:
    """What a process says that logs in this form."""
    program = PROGRAM.format(form=form)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout == ""
    return ended.stderr.splitlines()


def test_every_line_is_one_json_object_with_process_and_context() -> None:
    done, foreign, failed = map(json.loads, lines("json"))
    assert done.items() >= {"event": "thing_done", "level": "info", "count": 2}.items()
    assert foreign.items() >= {"event": "a word from elsewhere", "logger": "foreign"}.items()
    assert "ValueError: no" in failed["exception"]
    for line in (done, foreign, failed):
        assert line["process"] == "tester"
        assert line["correlation_id"] == "c-1"


@pytest.mark.parametrize("form", ["json", "console", "auto"])
def test_a_traceback_shows_no_values(form: str) -> None:
    said = "\n".join(lines(form))
    assert "ValueError: no" in said
    assert "hunter2" not in said
