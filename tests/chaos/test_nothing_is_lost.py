"""Whatever is killed, everything that was accepted is carried out, and nothing twice.

The target's ledger counts distinct keys. A duplicate is allowed only for an attempt that was
killed in flight.
"""

import time

import redis

from tests.support.crowd import Crowd
from tests.support.platform import Platform
from tests.support.services import EmbeddedServers
from tests.support.target import Target

BEFORE = 50
"""Deliveries before something is killed, and runs accepted after it is back."""
OUTAGE = 5.0  # seconds that Postgres stays away


def test_a_worker_killed_amid_its_jobs(platform: Platform, crowd: Crowd, target: Target) -> None:
    target.delay = 0.02
    crowd.start()
    target.wait_for(crowd.path, BEFORE)
    for worker in platform.children("worker"):
        worker.kill()
    crowd.wait_accepted(BEFORE)
    crowd.all_done()


def test_postgres_away_for_five_seconds(
    servers: EmbeddedServers, crowd: Crowd, target: Target
) -> None:
    crowd.start()
    target.wait_for(crowd.path, BEFORE)
    servers.kill("postgres")
    time.sleep(OUTAGE)  # the outage itself, not a wait for something
    servers.start("postgres")
    crowd.wait_accepted(BEFORE)
    crowd.all_done()
    assert crowd.interrupted


def test_redis_flushed(servers: EmbeddedServers, crowd: Crowd, target: Target) -> None:
    user = crowd.annals.signed_in()
    crowd.start()
    target.wait_for(crowd.path, BEFORE)
    with redis.Redis.from_url(servers.redis) as client:
        client.flushall()
    crowd.wait_accepted(BEFORE)
    crowd.all_done()
    deadline = time.monotonic() + 60
    while (answer := crowd.annals.session(user.token)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
    assert answer.status_code == 200, answer.text


def test_redis_killed(servers: EmbeddedServers, crowd: Crowd, target: Target) -> None:
    crowd.start()
    target.wait_for(crowd.path, BEFORE)
    servers.kill("valkey")
    servers.start("valkey")
    crowd.wait_accepted(BEFORE)
    crowd.all_done()


def test_the_whole_tree_killed(platform: Platform, crowd: Crowd, target: Target) -> None:
    crowd.start()
    target.wait_for(crowd.path, BEFORE)
    platform.kill()
    platform.start()
    crowd.wait_accepted(BEFORE)
    crowd.all_done()
