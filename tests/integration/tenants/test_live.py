"""Live streams tell of the tenant that they were opened in, and of no other."""

from collections.abc import AsyncIterator, Callable

import pytest

from adapters.http.app import OPERATIONS
from tests.support.two_tenants import Installation, Live, Room, told

FLAG = {"enabled": True, "description": "the last word"}

LIVE = {
    "/v1/events/live", "/v1/inbox/live", "/ofrep/v1/stream", "/api/client/streaming",
    "/v1/logs/{source}/tail",
}  # fmt: skip


def test_every_stream_is_tried_here_or_names_a_thing() -> None:
    assert {each.path for each in OPERATIONS if each.media_type == "text/event-stream"} == LIVE


@pytest.fixture
async def live(installation: Installation) -> AsyncIterator[Callable[[str, str], Live]]:
    streams: list[Live] = []

    def open_(path: str, token: str) -> Live:
        streams.append(Live(installation, path, token))
        return streams[-1]

    yield open_
    for stream in streams:
        await stream.close()


async def test_events(
    installation: Installation, alpha: Room, beta: Room, live: Callable[[str, str], Live]
) -> None:
    stream = live("/v1/events/live?after=0", beta.token)
    for room in (alpha, beta):
        await installation.done("PUT", "/v1/flags/late", FLAG, token=room.token)
    read = await stream.until("the last word")
    assert beta.marker.encode() in read
    assert b"alpha" not in read


async def test_the_inbox_that_a_person_has_in_each_tenant(
    installation: Installation, alpha: Room, beta: Room, live: Callable[[str, str], Live]
) -> None:
    stream = live("/v1/inbox/live", beta.token)
    await stream.until("retry")
    for room in (alpha, beta):
        await told(installation, room, beta.ids["account"])
    assert alpha.marker.encode() not in await stream.until(beta.marker)


@pytest.mark.parametrize(
    ("path", "first", "change"),
    [
        ("/ofrep/v1/stream", "retry", "event: message"),
        ("/api/client/streaming", "event: unleash-connected", "event: unleash-updated"),
    ],
)
async def test_flags(
    installation: Installation,
    alpha: Room,
    beta: Room,
    live: Callable[[str, str], Live],
    path: str,
    first: str,
    change: str,
) -> None:
    stream = live(path, beta.token)
    await stream.until(first)
    for room, enabled in ((alpha, True), (alpha, False), (beta, True)):
        body = {"enabled": enabled, "description": room.marker}
        name = path.strip("/").replace("/", "-")
        await installation.done("PUT", f"/v1/flags/{name}", body, token=room.token)
        tail = await installation.platform.store.tail()
        await installation.platform.tail.wait_for(tail.position)
    read = await stream.until(change)
    assert read.count(change.encode()) == 1
    assert b"alpha" not in read
