"""Versions of a schema that were acknowledged stay as they were, whatever is killed meanwhile."""

import threading
from typing import Any

import httpx

from tests.support.platform import Platform

PUBLISHERS, BEFORE = 4, 20


class Publisher(threading.Thread):
    """Publishes one draft after the other, each under a key of its own, and does not give up."""

    def __init__(self, platform: Platform, number: int, ended: threading.Event) -> None:
        super().__init__()
        self.driver = platform.driver()
        self.number = number
        self.ended = ended
        self.acknowledged: dict[int, Any] = {}

    def run(self) -> None:
        count = 0
        while not self.ended.is_set():
            count += 1
            schema = {"title": f"{self.number} {count}"}
            self.acknowledged[self.publish(schema, f"{self.number}-{count}")] = schema
        self.driver.close()

    def publish(self, schema: Any, key: str) -> int:
        while True:
            try:
                answer = self.driver.request(
                    "PUT",
                    "/v1/schemas/killed",
                    token=self.driver.owner,
                    body={"schema": schema},
                    headers={"idempotency-key": key},
                )
            except httpx.TransportError:
                continue
            if answer.status_code == 201:
                return int(answer.json()["version"])
            assert answer.status_code == 503, answer.text


def test_the_whole_tree_killed_amid_publishing(platform: Platform) -> None:
    ended = threading.Event()
    publishers = [Publisher(platform, number, ended) for number in range(PUBLISHERS)]
    for each in publishers:
        each.start()
    _wait_for(publishers, BEFORE)
    platform.kill()
    platform.start()
    _wait_for(publishers, sum(len(each.acknowledged) for each in publishers) + BEFORE)
    ended.set()
    for each in publishers:
        each.join()
    acknowledged = {n: schema for each in publishers for n, schema in each.acknowledged.items()}
    total = sum(len(each.acknowledged) for each in publishers)
    assert sorted(acknowledged) == list(range(1, total + 1))  # none lost, none doubled
    driver = platform.driver()
    for number, schema in acknowledged.items():
        shown = driver.as_owner("GET", f"/v1/schemas/killed/versions/{number}").json()
        assert (shown["version"], shown["schema"]) == (number, schema)
    driver.close()


def _wait_for(publishers: list[Publisher], count: int) -> None:
    """Until so many versions were acknowledged."""
    turn = threading.Event()
    while sum(len(each.acknowledged) for each in publishers) < count:
        assert all(each.is_alive() for each in publishers)
        turn.wait(0.05)
