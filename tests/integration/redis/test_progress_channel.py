import asyncio
import uuid
from contextlib import aclosing

from adapters.redis.client import RedisClient
from adapters.redis.progress import ProgressChannel
from application.progress import Reached
from tests.support.private_valkey import PrivateValkey

LOG = uuid.uuid4()


async def listeners(client: RedisClient, count: int, channel: str = "annals:progress") -> None:
    """Wait until so many subscriptions stand."""
    while True:
        _, standing = await client.execute("PUBSUB", "NUMSUB", channel)
        if standing == count:
            return


async def test_every_listener_hears_what_is_told(
    server: PrivateValkey, client: RedisClient
) -> None:
    channel = ProgressChannel(client, server.url)
    async with aclosing(channel.subscribe()) as one, aclosing(channel.subscribe()) as two:
        heard = [asyncio.ensure_future(anext(each)) for each in (one, two)]
        await listeners(client, 2)
        jobs, flags = Reached("jobs", 2, 41, LOG), Reached("flags", 1, 40, LOG)
        await channel.publish([jobs, flags])
        assert await asyncio.gather(*heard) == [jobs, jobs]
        assert await anext(two) == flags
        await client.execute("PUBLISH", "annals:progress", b"no progress")
        await channel.publish([Reached("jobs", 2, 42, LOG)])
        assert [(await anext(one)).position for _ in range(2)] == [40, 42]


async def test_a_listener_hears_again_after_a_restart(
    server: PrivateValkey, client: RedisClient
) -> None:
    channel = ProgressChannel(client, server.url)
    async with aclosing(channel.subscribe()) as listener:
        heard = asyncio.ensure_future(anext(listener))
        await listeners(client, 1)
        await server.stop()
        await channel.publish([Reached("jobs", 1, 1, LOG)])  # nobody is there: lost, and no error
        await server.start()
        await client.wait_up()
        await listeners(client, 1)
        await channel.publish([Reached("jobs", 1, 2, LOG)])
        assert await heard == Reached("jobs", 1, 2, LOG)


async def test_wishes_arrive_and_are_lost_without_a_word(
    server: PrivateValkey, client: RedisClient
) -> None:
    channel = ProgressChannel(client, server.url)
    async with aclosing(channel.wishes()) as helper:
        heard = asyncio.ensure_future(anext(helper))
        await listeners(client, 1, "annals:progress:wishes")
        channel.wish(41)
        assert await heard == 41
        await client.execute("PUBLISH", "annals:progress:wishes", b"no position")
        channel.wish(42)
        assert await anext(helper) == 42
        await server.stop()
        channel.wish(43)
