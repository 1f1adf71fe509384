"""The Redis client beside redis-py: the same limiter script, as often as the caller can.

    python -m benchmarks.redis_client [--url redis://...] [--seconds 2]

Without a URL it starts the wheel's Valkey on a Unix socket.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio
import uvloop

from adapters.crypto.master import KeyedHash
from adapters.redis.client import RedisClient
from adapters.redis.rate_counter import _FIXED, RedisRateCounter
from application.rate_counter import LimitPolicy
from tests.support.private_valkey import PrivateValkey

Ask = Callable[[str], Awaitable[object]]
CONCURRENCY = 64
ARGS = (60_000_000, 1_000_000_000, 1_000_000_000, 1, 1, -1)
POLICY = LimitPolicy(
    name="bench", tenant="t", algorithm="fixed_window", limit=1_000_000_000, window=60.0
)


@asynccontextmanager
async def server(url: str | None) -> AsyncIterator[str]:
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as directory:
        valkey = PrivateValkey(Path(directory))
        await valkey.start()
        yield valkey.url
        await valkey.stop()


async def measure(name: str, ask: Ask, seconds: float, callers: int = CONCURRENCY) -> float:
    done = 0
    end = time.perf_counter() + seconds
    latencies: list[float] = []

    async def caller(number: int) -> None:
        nonlocal done
        key = f"subject-{number}"
        while (begin := time.perf_counter()) < end:
            await ask(key)
            latencies.append(time.perf_counter() - begin)
            done += 1

    cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    await asyncio.gather(*(caller(number) for number in range(callers)))
    cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * q)] * 1e3 for q in (0.5, 0.99))
    print(
        f"{name:<42}{done / seconds:>10,.0f}/s{p50:>8.2f} ms p50{p99:>8.2f} ms p99"
        f"{cpu / done * 1e6:>8.1f} us user CPU each"
    )
    return done / seconds


async def pooled(url: str, seconds: float) -> float:
    pool = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=32, timeout=None)
    client = redis.asyncio.Redis(connection_pool=pool)
    script = client.register_script(_FIXED.text)
    await script(keys=["warm"], args=ARGS)
    rate = await measure("redis-py, pool of 32", lambda key: script(keys=[key], args=ARGS), seconds)
    await client.aclose()
    return rate


async def pipelined(url: str, seconds: float) -> float:
    """redis-py at its best: what one turn gathers goes into one of its pipelines."""
    client = redis.asyncio.Redis.from_url(url)
    await client.script_load(_FIXED.text)
    waiting: list[tuple[str, asyncio.Future[object]]] = []
    wake = asyncio.Event()

    async def pump() -> None:
        while True:
            await wake.wait()
            wake.clear()
            batch = waiting[:]
            waiting.clear()
            pipe = client.pipeline(transaction=False)
            for key, _ in batch:
                pipe.evalsha(_FIXED.sha, 1, key, *ARGS)
            for (_, future), reply in zip(batch, await pipe.execute(), strict=True):
                future.set_result(reply)

    def ask(key: str) -> Awaitable[object]:
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        waiting.append((key, future))
        wake.set()
        return future

    pumping = asyncio.ensure_future(pump())
    rate = await measure("redis-py, pipelined by hand", ask, seconds)
    pumping.cancel()
    await client.aclose()
    return rate


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    async with server(options.url) as url:
        seconds = options.seconds
        pool, pipe = await pooled(url, seconds), await pipelined(url, seconds)
        client = await RedisClient.open(url)
        counter = RedisRateCounter(client, KeyedHash(b"k" * 32))
        own = await measure(
            "RedisClient, script", lambda key: client.eval(_FIXED, (key,), ARGS), seconds
        )
        await measure("RedisClient, rate counter", lambda key: counter.check(POLICY, key), seconds)
        await measure(
            "RedisClient, MGET (a session's look-up)",
            lambda key: client.execute("MGET", "sessions:marker", key),
            seconds,
        )
        await measure(
            "RedisClient, script, 1 caller",
            lambda key: client.eval(_FIXED, (key,), ARGS),
            seconds,
            1,
        )
        print(f"RedisClient / redis-py: pool {own / pool:.1f}, pipelined {own / pipe:.1f}")
        await client.aclose()


if __name__ == "__main__":
    uvloop.run(main())
