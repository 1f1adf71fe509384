"""People who trigger an action whatever happens to the platform, and count what came of it."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from features.driver import Annals
from tests.support.target import Target

PAUSE = 0.03
"""Seconds between one person's runs. The target answers in this process too, and in time."""
_PATIENCE = 90.0  # seconds without progress after which something counts as lost


def unknown_ends(errors: Iterable[str | None]) -> int:
    """How many attempts may have reached the target without anybody knowing.

    Those were killed with their workers, ran into their own deadline, or waited for an answer for
    as long as they may.
    """
    return sum(
        each in ("lost", "timeout") or each.startswith("No answer within")
        for each in errors
        if each
    )


@dataclass
class Crowd:
    annals: Annals
    target: Target
    path: str = field(default_factory=lambda: f"chaos-{uuid4().hex[:8]}")
    jobs: list[str] = field(default_factory=list)
    interrupted: int = 0
    _failures: list[BaseException] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    def define(self) -> None:
        retry = {"max_attempts": 20, "base": "50ms", "cap": "1s"}
        self.annals.define_action(self.path, self.target.url(self.path), retry=retry)

    def start(self, people: int = 4) -> None:
        """Let people trigger, one run after the other, until `all_done`."""
        self._threads = [threading.Thread(target=self._insist) for _ in range(people)]
        for thread in self._threads:
            thread.start()

    def wait_accepted(self, more: int) -> None:
        """Wait until so many more runs were accepted."""
        enough, deadline = len(self.jobs) + more, time.monotonic() + _PATIENCE
        while len(self.jobs) < enough:
            assert not self._failures, self._failures
            assert time.monotonic() < deadline, "the platform did not come back"
            time.sleep(0.01)

    def _insist(self) -> None:
        try:
            while not self._enough.wait(PAUSE):
                self.jobs.append(self._once())
        except BaseException as failure:
            self._failures.append(failure)
            raise

    def _once(self) -> str:
        """One run, asked for with one key until it is accepted."""
        key, deadline = str(uuid4()), time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = self.annals.trigger(
                    self.annals.owner, self.path, headers={"idempotency-key": key}
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 202:
                return str(answer.json()["id"])
            assert answer is None or answer.status_code == 503, answer.text
            self.interrupted += 1
            pause = 0.1 if answer is None else float(answer.headers.get("retry-after", 0.1))
            time.sleep(min(pause, 0.5))
        raise AssertionError("the platform did not come back")

    def all_done(self) -> None:
        """End it, and wait until each accepted run was carried out: none lost, none made up."""
        self.leave()
        self.all_delivered()
        assert set(self.target.keys(self.path)) == set(self.jobs)
        self._only_killed_attempts_came_twice()

    def leave(self) -> None:
        """Trigger nothing more."""
        self._enough.set()
        for thread in self._threads:
            thread.join()
        assert not self._failures, self._failures
        assert len(set(self.jobs)) == len(self.jobs)

    def all_delivered(self) -> None:
        """Wait until each accepted run was carried out, and says so."""
        self._delivered()
        self._succeeded()

    def _delivered(self) -> None:
        last, deadline = -1, time.monotonic() + _PATIENCE
        while (done := len(self.target.keys(self.path))) < len(self.jobs):
            if done > last:
                last, deadline = done, time.monotonic() + _PATIENCE
            missing = set(self.jobs) - set(self.target.keys(self.path))
            assert time.monotonic() < deadline, f"{len(missing)} jobs were lost: {missing}"
            self.target.wait_for_any(1.0)

    def _succeeded(self) -> None:
        """Every job says so, too: its outcome is in the log."""
        deadline = time.monotonic() + _PATIENCE
        for job in self.jobs:
            while True:
                state = self._state(job)
                if state == "succeeded":
                    break
                assert time.monotonic() < deadline, f"job {job} is {state}"
                time.sleep(0.05)

    def _state(self, job: str) -> str:
        try:
            answer = self.annals.request("GET", f"/v1/jobs/{job}", token=self.annals.owner)
        except httpx.TransportError:
            return "unreachable"
        return str(answer.json().get("state", answer.status_code))

    def _only_killed_attempts_came_twice(self) -> None:
        """For each time more a job has an attempt whose end nobody knows: killed, or unanswered."""
        for job, times in self.target.keys(self.path).items():
            if times == 1:
                continue
            errors = [entry["data"].get("error") for entry in self.annals.job_log(job)]
            told = f"{job} was delivered {times} times: {errors}"
            assert unknown_ends(errors) >= times - 1, told
