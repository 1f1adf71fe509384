"""Numbers for Prometheus, summed over all processes that share a directory.

Each process writes its values into memory-mapped files there; whichever process is asked reads
them all (prometheus_client's multiprocess mode). Without a directory a process tells its own.
A process is named by its host, too: containers that share the directory have the same pids.
"""

import os
import socket
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_LATENESS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Every metric of the platform. Names are `annals_...`; times are in seconds."""

    def __init__(self, directory: Path | None = None) -> None:
        """Count into `directory`, which is made; it should be emptied when all processes stop."""
        self._directory = directory
        registry = CollectorRegistry()
        if directory is not None:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
            self.forget(_process())  # a predecessor of the same name has ended
            values.ValueClass = values.MultiProcessValue(_process)  # type: ignore[no-untyped-call]
        self._registry = registry
        self.requests = Counter(
            "annals_http_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "annals_http_request_seconds",
            "Time to an answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.live_readers = Gauge(
            "annals_live_readers",
            "Open streams of live events.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.limiter_open = Counter(
            "annals_limiter_open",
            "Checks that passed because the counter did not answer.",
            ["limit"],
            registry=registry,
        )
        self.flag_errors = Counter(
            "annals_flag_errors",
            "Evaluations that gave the default because a rule is broken, or there is no such flag.",
            ["error"],
            registry=registry,
        )
        self.sessions_rebuilt = Counter(
            "annals_sessions_rebuilt", "Rebuilds of lost sessions from the log.", registry=registry
        )
        self.effects = Counter(
            "annals_effects", "Attempts of side effects.", ["kind", "outcome"], registry=registry
        )
        self.tickets_lost = Counter(
            "annals_tickets_lost",
            "Effects that the broker did not take; the sweep sends them again.",
            registry=registry,
        )
        self.events_behind = Gauge(
            "annals_events_behind",
            "Events between the log's tail and what follows it.",
            ["follower"],
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self.seconds_behind = Gauge(
            "annals_seconds_behind",
            "Seconds since the first event was recorded that a follower has not applied.",
            ["follower"],
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self.webhooks = Counter(
            "annals_webhooks", "Messages that came to hooks.", ["outcome"], registry=registry
        )
        self.reminder_lateness = Histogram(
            "annals_reminder_lateness_seconds",
            "How long after its time a reminder fired.",
            buckets=_LATENESS,
            registry=registry,
        )
        self.clock_jumps = Counter(
            "annals_clock_jumps",
            "The database's clock jumped ahead by over 5 s.",
            registry=registry,
        )

    def render(self) -> bytes:
        """All numbers in Prometheus's text format."""
        if self._directory is None:
            return generate_latest(self._registry)
        everything = CollectorRegistry()
        MultiProcessCollector(everything, path=str(self._directory))  # type: ignore[no-untyped-call]
        return generate_latest(everything)

    def forget(self, process: str) -> None:
        """Drop the live gauges of a process that has ended."""
        if self._directory is not None:
            mark_process_dead(process, path=str(self._directory))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=1)
def _process() -> str:
    """This process among all that share the directory, as part of a file's name.

    It is asked at every count, where even a system call for the pid would tell.
    """
    return f"{socket.gethostname().replace('_', '-')}-{os.getpid()}"  # `_` separates


os.register_at_fork(after_in_child=_process.cache_clear)
