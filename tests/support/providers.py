"""Providers that send whatever happens to the platform, and count what came of their messages."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from features.driver import Annals
from tests.support.senders import Message, Sender
from tests.support.target import Target

_PATIENCE = 90.0  # seconds without progress after which something counts as lost


@dataclass
class Providers:
    """Some senders at one source, whose messages each run an action."""

    annals: Annals
    target: Target
    preset: str = "standard-webhooks"
    path: str = field(default_factory=lambda: f"hooked-{uuid4().hex[:8]}")
    receipts: dict[str, str] = field(default_factory=dict)
    interrupted: int = 0
    _failures: list[BaseException] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    def define(self) -> None:
        self.sender = Sender(self.preset)
        retry = {"max_attempts": 20, "base": "50ms", "cap": "1s"}
        self.annals.define_action(self.path, self.target.url(self.path), retry=retry)
        body = {
            "preset": self.preset,
            "secrets": [self.sender.secret],
            "target": {"kind": "action", "name": self.path},
        }
        answer = self.annals.as_owner("PUT", f"/v1/webhooks/sources/{self.path}", body)
        assert answer.status_code == 201, answer.text
        self.sender.url = answer.json()["url"]

    def start(self, senders: int = 4) -> None:
        """Let them send, one message after the other, until `all_done`."""
        self._threads = [threading.Thread(target=self._insist) for _ in range(senders)]
        for thread in self._threads:
            thread.start()

    def wait_acknowledged(self, more: int) -> None:
        """Wait until so many more messages were acknowledged."""
        enough, deadline = len(self.receipts) + more, time.monotonic() + _PATIENCE
        while len(self.receipts) < enough:
            assert not self._failures, self._failures
            assert time.monotonic() < deadline, "the platform did not come back"
            time.sleep(0.01)

    def _insist(self) -> None:
        try:
            with httpx.Client(base_url=self.annals.url, timeout=10, trust_env=False) as http:
                while not self._enough.wait(0.005):
                    message = self.sender.message({"to": "ada"})
                    self.receipts[message.id] = self._acknowledged(http, message)
                    assert self._acknowledged(http, message) == self.receipts[message.id]
        except BaseException as failure:
            self._failures.append(failure)
            raise

    def _acknowledged(self, http: httpx.Client, message: Message) -> str:
        """The receipt of one message, sent again until it is acknowledged, as providers do."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            headers = self.sender.headers(message)
            try:
                answer = http.post(self.sender.url, content=message.body, headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 202:
                return str(answer.json()["receipt"])
            assert answer is None or answer.status_code == 503, answer.text
            self.interrupted += 1
            time.sleep(0.1)
        raise AssertionError("the platform did not come back")

    def wait_interrupted(self) -> None:
        """Wait until a message was not acknowledged at once."""
        deadline = time.monotonic() + _PATIENCE
        while not self.interrupted:
            assert time.monotonic() < deadline, "nobody was interrupted"
            time.sleep(0.05)

    def all_done(self) -> None:
        """End it, and wait until each message has had its effect: one job, none lost."""
        self._enough.set()
        for thread in self._threads:
            thread.join()
        assert not self._failures, self._failures
        assert len(set(self.receipts.values())) == len(self.receipts)
        self._delivered()
        jobs = self._jobs()
        assert jobs.keys() == self.receipts.keys()
        assert {message: len(keys) for message, keys in jobs.items() if len(keys) > 1} == {}

    def _jobs(self) -> dict[str, set[str]]:
        """The jobs that called the target, by message."""
        jobs = defaultdict(set)
        for call in self.target.calls_to(self.path):
            jobs[call.body["id"]].add(call.key)
        return jobs

    def _delivered(self) -> None:
        last, deadline = -1, time.monotonic() + _PATIENCE
        while (done := len(self._jobs())) < len(self.receipts):
            if done > last:
                last, deadline = done, time.monotonic() + _PATIENCE
            missing = self.receipts.keys() - self._jobs().keys()
            assert time.monotonic() < deadline, f"{len(missing)} messages were lost: {missing}"
            self.target.wait_for_any(1.0)
