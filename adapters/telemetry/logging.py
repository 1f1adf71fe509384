"""Log lines: one JSON object each, or readable text where a person looks on.

Everything goes to stderr. Events are static snake_case words with fields as keywords;
identifiers, never secrets or what a person typed. What a request or an effect binds with
`structlog.contextvars` is in every line of it. The standard library's loggers (granian,
dramatiq, asyncio) come out the same way.
"""

import logging
import logging.config
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog
from structlog.typing import Processor

GRANIAN: dict[str, Any] = {
    "handlers": {},
    "formatters": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
}
"""What granian is told, so that its lines go where all others go."""

_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
    "granian.access": logging.WARNING,
    "asyncpg": logging.ERROR,  # an outage is told by our own lines, without a traceback each
}
"""From which level on other people's loggers are worth hearing."""


def configure_logging(level: str, form: str, *, process: str) -> None:
    """Set up logging for this process, which calls itself `process` in every line.

    `form` is `json`, `console`, or `auto`: console if stderr is a terminal.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    number = getattr(logging, level.upper())

    def name_process(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if console:
        colors = sys.stderr.isatty() or "FORCE_COLOR" in os.environ
        # A plain traceback: the default one would show the values of all variables.
        renderer = structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback
        )
        ending: list[Processor] = [renderer]
    else:
        shared.append(name_process)
        ending = [structlog.processors.format_exc_info, _render]
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_standard(shared, ending, number))


def _render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """One line of JSON, the event's name first."""
    line = {"event": event.pop("event", ""), **event}
    return msgspec.json.encode(line, enc_hook=str).decode()


def _standard(shared: list[Processor], ending: list[Processor], level: int) -> dict[str, Any]:
    """The standard library's logging, through the same processors."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*shared, structlog.stdlib.add_logger_name],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": formatter},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "lines",
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {name: {"level": max(level, least)} for name, least in _QUIET.items()},
    }
