"""Whatever is killed, nobody is served what was dropped, and the cache goes on."""

import threading
from collections.abc import Iterator
from typing import Self

import httpx
import pytest

from features.driver import Annals
from tests.support.platform import Platform


@pytest.fixture
def annals(platform: Platform) -> Iterator[Annals]:
    driver = platform.driver()
    yield driver
    driver.close()


class Counter:
    """A program that counts up: it drops the number before it, puts the next, and reads it back.

    What is not answered is unknown, and is done again.
    """

    def __init__(self, annals: Annals) -> None:
        self.annals = annals
        self.number = 0
        self.wrong: list[str] = []
        self.lost = 0
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, more: int) -> None:
        wanted = self.number + more
        with self._moved:
            assert self._moved.wait_for(lambda: self.number >= wanted, timeout=120)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._step()
            except httpx.TransportError:
                continue

    def _step(self) -> None:
        following = self.number + 1
        if self._ask("POST", "/invalidate", json={"tags": ["number"]}).status_code != 200:
            return
        if self._ask("GET", "/number").status_code == 200:
            self.wrong.append(f"{self.number} was there after it was dropped")
        put = self._ask("PUT", "/number?tags=number", content=b"%d" % following)
        if put.status_code not in (200, 201):
            return
        read = self._ask("GET", "/number")
        if read.status_code == 200 and read.content != b"%d" % following:
            self.wrong.append(f"{read.content!r} instead of {following}")
        self.lost += read.status_code == 404
        with self._moved:
            self.number = following
            self._moved.notify_all()

    def _ask(self, method: str, path: str, **more: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.annals.owner}"}
        return self.annals.http.request(method, f"/v1/cache{path}", headers=headers, **more)  # type: ignore[arg-type]


def test_processes_and_the_whole_tree_killed(platform: Platform, annals: Annals) -> None:
    with Counter(annals) as counter:
        counter.wait_for(20)
        for name in ("scheduler", "projector", "api"):
            for process in platform.children(name):
                process.kill()
            counter.wait_for(20)
        platform.kill()
        platform.start()
        counter.wait_for(20)
    assert counter.wrong == []
    # A number may be lost to the second coming of an invalidation whose answer was lost.
    assert counter.lost <= 10
