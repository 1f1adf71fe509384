"""Log lines: one JSON object each, or readable text where a person looks on.

Everything goes to stderr, and as JSON into the process's file, where it has one. Events are static
snake_case words with fields as keywords; identifiers, never secrets or what a person typed. What a
request or an effect binds with `structlog.contextvars` is in every line of it. The standard
library's loggers (granian, dramatiq, asyncio) come out the same way.
"""

import logging
import logging.config
import os
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import msgspec
import structlog
from structlog.typing import Processor

from adapters.settings import Settings
from adapters.telemetry.log_files import LineFile

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


class _Files:
    """The file of this process, of which logging has one for all, as it has one stderr."""

    current: LineFile | None = None


def log_file() -> LineFile | None:
    """The file that this process's lines go to, where it has one."""
    return _Files.current


def log_as(process: str, settings: Settings) -> None:
    """Set up logging for a process of the platform, which has a file of its own."""
    file = LineFile(
        settings.log_dir,
        process,
        size=settings.log_file_size,
        count=settings.log_file_count,
    )
    configure_logging(settings.log_level, settings.log_format, process=process, file=file)


def configure_logging(level: str, form: str, *, process: str, file: LineFile | None = None) -> None:
    """Set up logging for this process, which calls itself `process` in every line.

    `form` is `json`, `console`, or `auto`: console if stderr is a terminal. Every line also goes
    to `file`, as JSON whatever the form.
    """
    _Files.current = file
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
        if file is not None:
            ending.insert(0, _copied(file, name_process))
    else:
        shared.append(name_process)
        ending = [structlog.processors.format_exc_info, _render]
        if file is not None:
            ending.append(_written(file))
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_standard(shared, ending, number))
    sys.excepthook = _tell_crash


def _render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """One line of JSON, the event's name first."""
    line = {"event": event.pop("event", ""), **event}
    return msgspec.json.encode(line, enc_hook=str).decode()


def _written(file: LineFile) -> Processor:
    """Write the rendered line to the file, too."""

    def write(_logger: object, _method: str, line: Any) -> Any:
        file.write(line.encode(errors="replace") + b"\n")
        return line

    return write


def _copied(file: LineFile, name_process: Processor) -> Processor:
    """Write a copy as JSON to the file, and leave the event for a person's eyes as it is."""

    def write(
        logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        copy: Any = {**event}
        for step in (name_process, structlog.processors.format_exc_info, _render, _written(file)):
            copy = step(logger, method, copy)
        return event

    return write


def _tell_crash(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """An error that ends the process is a line like any other."""
    if not issubclass(kind, Exception):
        sys.__excepthook__(kind, error, traceback)
        return
    structlog.get_logger(__name__).critical("process_crashed", exc_info=(kind, error, traceback))


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
