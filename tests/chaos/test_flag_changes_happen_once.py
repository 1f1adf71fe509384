"""Rollouts in steps while schedulers are killed and Redis is flushed: each step happens once."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import redis

from features.driver import Annals
from tests.support.platform import Platform, Process
from tests.support.services import EmbeddedServers

ROLLOUTS = 40
PERCENT = [10, 20, 40, 80, 100]
LEAD = timedelta(seconds=3)
APART = timedelta(milliseconds=25)
STEPS = [{"rollout": PERCENT[0]}, *({"rollout": each, "pause": "500ms"} for each in PERCENT[1:])]


@pytest.fixture
def annals(platform: Platform) -> Iterator[Annals]:
    driver = platform.driver()
    yield driver
    driver.close()


@pytest.fixture
def second_scheduler(platform: Platform) -> Iterator[Process]:
    scheduler = platform.also("scheduler")
    yield scheduler
    scheduler.kill()
    scheduler.close()


class Rollouts:
    """Rollouts that were proposed, by the flag's key, and what came of them."""

    def __init__(self, annals: Annals) -> None:
        self.annals = annals
        self.tail = annals.events_page(after="0", limit="1")["next"]
        self.changes: dict[str, str] = {}

    def propose(self, at: datetime, steps: list[dict[str, Any]]) -> None:
        key = self.annals.unique("rollout")
        self.annals.define_flag(key, rollout=0)
        body = {"at": at.isoformat(), "steps": steps}
        response = self.annals.as_owner("POST", f"/v1/flags/{key}/rollouts", body)
        assert response.status_code == 201, response.text
        self.changes[key] = response.json()["id"]

    def wait_for(self, type_: str, count: int) -> None:
        """Wait until there are so many events of a type about them."""
        mine = {f"flag-change/{id_}" for id_ in self.changes.values()}
        deadline = time.monotonic() + 90.0
        while True:
            events = [each for each in self.annals.events(type=type_) if each["stream"] in mine]
            if len(events) >= count:
                return
            assert time.monotonic() < deadline, f"{len(events)} of {count} {type_}"
            time.sleep(0.1)

    def each_step_happened_once(self, percent: list[int]) -> None:
        for key, id_ in self.changes.items():
            steps = self._events(f"flag-change/{id_}", "flag_change.step_carried_out")
            assert [each["data"]["step"] for each in steps] == list(range(1, len(percent) + 1))
            rolled = self._events(f"flag/{key}", "flag.rolled_out")[1:]  # the first defined it
            assert [each["data"]["rollout"] for each in rolled] == percent
            together = [
                (step["meta"]["correlation_id"], step["recorded_at"]) for step in steps
            ] == [(each["meta"]["correlation_id"], each["recorded_at"]) for each in rolled]
            assert together, "a step and what it did to the flag are one append"
            for earlier, later in pairwise(steps):
                due = datetime.fromisoformat(earlier["data"]["next_at"])
                assert datetime.fromisoformat(later["recorded_at"]) >= due

    def _events(self, stream: str, type_: str) -> list[dict[str, Any]]:
        return self.annals.events(stream=stream, type=type_)


def test_schedulers_are_killed_in_the_middle(
    platform: Platform,
    servers: EmbeddedServers,
    second_scheduler: Process,
    annals: Annals,
) -> None:
    second_scheduler.wait_said("flag_changes_followed")
    rollouts = Rollouts(annals)
    first = datetime.now(UTC) + LEAD
    for number in range(ROLLOUTS):
        rollouts.propose(first + number * APART, STEPS)
    step, whole = "flag_change.step_carried_out", ROLLOUTS * len(STEPS)
    rollouts.wait_for(step, whole // 5)
    with redis.Redis.from_url(servers.redis) as client:
        client.flushall()
    rollouts.wait_for(step, 2 * whole // 5)
    for process in platform.children("scheduler"):
        process.kill()
    rollouts.wait_for(step, 3 * whole // 5)
    second_scheduler.kill()
    rollouts.wait_for("flag_change.completed", ROLLOUTS)
    rollouts.each_step_happened_once(PERCENT)


def test_steps_are_carried_out_while_redis_is_down(
    servers: EmbeddedServers, annals: Annals
) -> None:
    rollouts = Rollouts(annals)
    steps = [{"rollout": 10}, {"rollout": 20, "pause": "200ms"}]
    rollouts.propose(datetime.now(UTC) + timedelta(seconds=1), steps)
    servers.kill("valkey")
    try:
        rollouts.wait_for("flag_change.completed", 1)
    finally:
        servers.start("valkey")
    rollouts.each_step_happened_once([10, 20])


def test_what_was_due_while_all_was_down_happens_once_late(
    platform: Platform, annals: Annals
) -> None:
    rollouts = Rollouts(annals)
    due = datetime.now(UTC) + timedelta(seconds=2)
    rollouts.propose(due, [{"rollout": 30}])
    platform.kill()
    missed = due + timedelta(seconds=0.5) - datetime.now(UTC)
    time.sleep(max(missed.total_seconds(), 0.0))  # the outage itself, not a wait for something
    platform.start()
    rollouts.wait_for("flag_change.completed", 1)
    rollouts.each_step_happened_once([30])
