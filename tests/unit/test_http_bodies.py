"""A body that never comes holds nothing for ever."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from adapters.http import bodies
from adapters.http.problems import BadRequest


async def test_a_body_that_stops_coming_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SLOWEST_BODY", 0.01)
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Mapping[str, Any]:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    with pytest.raises(BadRequest, match="did not arrive"):
        await bodies.read_body({b"content-length": b"100"}, receive)


async def test_whoever_reads_a_body_can_be_cancelled() -> None:
    asked = asyncio.Event()

    async def receive() -> dict[str, object]:
        asked.set()
        await asyncio.Event().wait()
        return {}

    reading = asyncio.create_task(bodies.read_body({}, receive))
    await asked.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
