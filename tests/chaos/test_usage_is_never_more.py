"""Whatever is killed, an evaluation is counted once or not at all."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.driver import Annals
from tests.support.platform import Platform
from tests.support.services import EmbeddedServers

PATIENCE = 90.0
LOOK = 0.05


@pytest.fixture
def platform(servers: EmbeddedServers, tmp_path: Path) -> Iterator[Platform]:
    """One that records often, so that something is recorded between two kills."""
    platform = Platform(
        tmp_path / "data",
        DATABASE_URL=servers.postgres,
        REDIS_URL=servers.redis,
        FLAG_USAGE_INTERVAL="200ms",
    )
    platform.start()
    yield platform
    platform.stop()


def evaluate(annals: Annals, flag: str) -> bool:
    """Evaluate once; False where nobody answers."""
    body: dict[str, Any] = {"context": {}}
    path = f"/v1/flags/{flag}/evaluate"
    try:
        return annals.request("POST", path, token=annals.owner, body=body).is_success
    except httpx.TransportError:
        return False


def evaluated(annals: Annals, flag: str) -> int:
    """How many evaluations are recorded; -1 where nobody answers."""
    try:
        answer = annals.request("GET", f"/v1/flags/{flag}/usage", token=annals.owner)
    except httpx.TransportError:
        return -1
    return int(answer.json()["totals"]["yes"]) if answer.is_success else -1


def await_evaluated(annals: Annals, flag: str, least: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while (found := evaluated(annals, flag)) < least:
        assert time.monotonic() < deadline, (found, least)
        time.sleep(LOOK)
    return found


def test_a_killed_process_loses_counts_and_repeats_none(platform: Platform) -> None:
    annals = platform.driver()
    flag = annals.unique("killed")
    annals.define_flag(flag)
    asked = sum(evaluate(annals, flag) for _ in range(50))
    assert asked == 50
    known = await_evaluated(annals, flag, asked)  # what was recorded survives whatever comes
    for _ in range(3):
        asked += sum(evaluate(annals, flag) for _ in range(50))
        for name in ("api", "projector"):
            for process in platform.children(name):
                process.kill()
        deadline = time.monotonic() + PATIENCE
        while not evaluate(annals, flag):
            assert time.monotonic() < deadline
            time.sleep(LOOK)
        asked += 1
        known = await_evaluated(annals, flag, known + 1)
    assert known <= asked
    annals.close()
