"""Reminders while schedulers, workers and the set of what is due go away: each fires once."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis

from features.driver import Annals
from tests.support.crowd import unknown_ends
from tests.support.platform import Platform, Process
from tests.support.services import EmbeddedServers
from tests.support.target import Target

REMINDERS = 150
LEAD = timedelta(seconds=5)  # for making them, before the first is due
APART = timedelta(milliseconds=25)


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


class Remembered:
    """Reminders that were made, and what came of them."""

    def __init__(self, annals: Annals, target: Target) -> None:
        self.annals = annals
        self.target = target
        self.place = f"reminders-{uuid4().hex[:8]}"
        self.ids: list[str] = []

    def make(self, due_at: datetime) -> str:
        body = {
            "title": f"number {len(self.ids)}",
            "due_at": due_at.isoformat(),
            "channel": {"kind": "webhook", "url": self.target.url(self.place)},
            "retry": {"max_attempts": 20, "base": "50ms", "cap": "1s"},
        }
        response = self.annals.as_owner("POST", "/v1/reminders", body)
        assert response.status_code == 201, response.text
        self.ids.append(response.json()["id"])
        return self.ids[-1]

    def make_many(self) -> None:
        first = datetime.now(UTC) + LEAD
        for number in range(REMINDERS):
            self.make(first + number * APART)

    def wait_for(self, deliveries: int) -> None:
        self.target.wait_for(self.place, deliveries, seconds=90.0)

    def wait_for_all(self) -> None:
        """Wait until the ledger has each."""
        deadline = time.monotonic() + 90.0
        while missing := set(self.ids) - set(self._told()):
            assert time.monotonic() < deadline, f"{len(missing)} were never delivered: {missing}"
            self.target.wait_for_any(1.0)

    def _told(self) -> dict[str, set[str]]:
        """By reminder the ids of the deliveries that told it."""
        told: dict[str, set[str]] = {}
        for call in self.target.calls_to(self.place):
            delivery = call.headers["webhook-id"]
            told.setdefault(call.body["data"]["reminder"], set()).add(delivery)
        return told

    def each_fired_once(self) -> list[dict[str, Any]]:
        """By the log and by the target's ledger; gives the events of the firings."""
        mine = {f"reminder/{id_}" for id_ in self.ids}
        log = self.annals.events(type="reminder.fired")
        fired = [event for event in log if event["stream"] in mine]
        assert Counter(event["stream"] for event in fired) == Counter(mine)
        deliveries = {event["stream"]: event["data"]["delivery"] for event in fired}
        assert self._told() == {id_: {deliveries[f"reminder/{id_}"]} for id_ in self.ids}
        self._only_killed_attempts_came_twice()
        return fired

    def _only_killed_attempts_came_twice(self) -> None:
        for delivery, times in self.target.keys(self.place).items():
            if times == 1:
                continue
            history = self.annals.events(stream=f"delivery/{delivery}")
            errors = [event["data"].get("error") for event in history]
            assert unknown_ends(errors) >= times - 1, f"{delivery} came {times}: {errors}"


@pytest.fixture
def remembered(annals: Annals, target: Target) -> Remembered:
    return Remembered(annals, target)


def test_two_schedulers_one_killed_and_redis_flushed(
    platform: Platform,
    servers: EmbeddedServers,
    second_scheduler: Process,
    remembered: Remembered,
) -> None:
    second_scheduler.wait_said("reminders_followed")
    remembered.make_many()
    remembered.wait_for(REMINDERS // 5)
    with redis.Redis.from_url(servers.redis) as client:
        client.flushall()
    remembered.wait_for(2 * REMINDERS // 5)
    for process in [*platform.children("scheduler"), *platform.children("worker")]:
        process.kill()
    remembered.wait_for(3 * REMINDERS // 5)
    second_scheduler.kill()
    with redis.Redis.from_url(servers.redis) as client:
        client.flushall()
    remembered.wait_for_all()
    remembered.each_fired_once()


def test_what_was_missed_while_all_was_down_fires_once_late(
    platform: Platform, remembered: Remembered
) -> None:
    due = datetime.now(UTC) + timedelta(seconds=2)
    remembered.make(due)
    platform.kill()
    missed = due + timedelta(seconds=1.5) - datetime.now(UTC)
    time.sleep(max(missed.total_seconds(), 0.0))  # the outage itself, not a wait for something
    platform.start()
    remembered.wait_for_all()
    [event] = remembered.each_fired_once()
    assert event["data"]["late"] is True
    [call] = remembered.target.calls_to(remembered.place)
    assert call.body["data"]["late"] is True
