import asyncio
import contextlib

import pytest

from adapters.redis.address import parse_address
from adapters.redis.client import RedisClient, Script
from adapters.redis.link import ReplyError
from application.event_store import Outage
from tests.support.private_valkey import PrivateValkey

ECHO = Script("return {KEYS[1], ARGV[1]}")


async def test_it_answers_in_the_order_of_the_calls(client: RedisClient) -> None:
    replies = await asyncio.gather(*(client.execute("ECHO", str(n)) for n in range(2000)))
    assert replies == [str(n).encode() for n in range(2000)]
    assert client.in_flight == 0


async def test_one_turn_of_the_loop_leaves_in_one_write(client: RedisClient) -> None:
    before = await _reads(client)
    await asyncio.gather(*(client.execute("PING") for _ in range(100)))
    assert await _reads(client) - before <= 3


async def test_it_carries_bytes_and_large_values(client: RedisClient) -> None:
    value = bytes(range(256)) * 8192
    await client.execute("SET", "big", value)
    assert await client.execute("GET", b"big") == value


async def test_a_refusal_is_told_and_harms_no_neighbour(client: RedisClient) -> None:
    await client.execute("SET", "text", "x")
    refused, answered = await asyncio.gather(
        client.execute("LPUSH", "text", "y"), client.execute("GET", "text"), return_exceptions=True
    )
    assert isinstance(refused, ReplyError)
    assert refused.code == "WRONGTYPE"
    assert answered == b"x"


async def test_a_caller_who_has_gone_does_not_shift_the_replies(client: RedisClient) -> None:
    gone = asyncio.ensure_future(client.execute("ECHO", "gone"))
    stays = asyncio.ensure_future(client.execute("ECHO", "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == b"stays"


async def test_a_script_is_run_on_a_server_that_forgot_it(client: RedisClient) -> None:
    for _ in range(2):
        assert await client.eval(ECHO, ["k"], ["v"]) == [b"k", b"v"]
        await client.execute("SCRIPT", "FLUSH")


async def test_it_refuses_at_once_when_too_much_waits(server: PrivateValkey) -> None:
    client = await RedisClient.open(server.url, bound=10)
    waiting = [asyncio.ensure_future(client.execute("PING")) for _ in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(Outage):
        await client.execute("PING")
    assert await asyncio.gather(*waiting) == [b"PONG"] * 10
    await client.aclose()


async def test_without_a_server_it_refuses_at_once_and_finds_it_later(
    server: PrivateValkey,
) -> None:
    await server.stop()
    client = await RedisClient.open(server.url)
    assert not client.up
    with pytest.raises(Outage):
        await client.execute("PING")
    await server.start()
    await client.wait_up()
    assert await client.execute("PING") == b"PONG"
    await client.aclose()


async def test_it_comes_back_after_a_restart_with_another_run(
    server: PrivateValkey, client: RedisClient
) -> None:
    first = client.run_id
    assert len(first) == 40
    await client.eval(ECHO, ["k"], ["v"])
    await server.stop()
    with pytest.raises(Outage):
        await _ask_until_it_fails(client)
    await server.start()
    await client.wait_up()
    assert client.run_id not in ("", first)
    assert await client.eval(ECHO, ["k"], ["v"]) == [b"k", b"v"]


async def test_an_answer_that_was_lost_is_unknown(
    server: PrivateValkey, client: RedisClient
) -> None:
    server.freeze()
    call = asyncio.ensure_future(client.execute("INCR", "n"))
    for _ in range(3):
        await asyncio.sleep(0)
    await server.stop()
    with pytest.raises(Outage) as outage:
        await call
    assert outage.value.outcome == "unknown"


async def test_what_was_not_sent_has_surely_failed(client: RedisClient) -> None:
    call = client.send("INCR", "n")
    link = client._link
    assert link is not None
    link.give_up("the test cut it")
    with pytest.raises(Outage) as outage:
        await call
    assert outage.value.outcome == "failed"


async def test_a_server_that_hangs_is_given_up_and_found_again(server: PrivateValkey) -> None:
    client = await RedisClient.open(server.url, timeout=0.1)
    server.freeze()
    with pytest.raises(Outage) as outage:
        await client.execute("INCR", "n")
    assert outage.value.outcome == "unknown"
    assert not client.up
    with pytest.raises(Outage) as outage:
        await client.execute("INCR", "n")
    assert outage.value.outcome == "failed"
    server.thaw()
    await client.wait_up()
    assert await client.execute("PING") == b"PONG"
    await client.aclose()


async def test_a_stall_of_our_own_loop_is_not_held_against_the_server(
    server: PrivateValkey,
) -> None:
    client = await RedisClient.open(server.url, timeout=0.05)
    call = asyncio.ensure_future(client.execute("PING"))
    for _ in range(3):
        await asyncio.sleep(0)
    spin = asyncio.get_running_loop().time() + 0.2
    while asyncio.get_running_loop().time() < spin:
        pass
    assert await call == b"PONG"
    await client.aclose()


async def test_it_logs_in_and_chooses_a_database(server: PrivateValkey) -> None:
    await server.stop()
    await server.start("--requirepass", "se:cret")
    at = f"{server.socket}?db=3"
    refused = await RedisClient.open(f"unix://{at}")
    with pytest.raises(Outage, match="Authentication required"):
        await refused.execute("PING")
    await refused.aclose()
    for protocol in (2, 3):
        client = await RedisClient.open(f"unix://:se%3Acret@{at}", protocol=protocol)
        assert b"db=3" in await client.execute("CLIENT", "INFO")
        await client.aclose()


async def test_a_client_that_is_closed_says_so(server: PrivateValkey) -> None:
    client = await RedisClient.open(server.url)
    waiting = client.send("PING")
    await client.aclose()
    with pytest.raises(Outage):
        await waiting
    with pytest.raises(Outage, match="closed"):
        await client.execute("PING")


async def test_a_read_only_server_is_an_outage_and_the_link_is_made_anew(
    client: RedisClient,
) -> None:
    await client.execute("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(Outage):
        await client.execute("SET", "k", "v")
    await client.wait_up()
    await client.execute("REPLICAOF", "NO", "ONE")
    assert await client.execute("SET", "k", "v") == b"OK"


def test_addresses() -> None:
    far = parse_address("rediss://ann:p%40ss@redis.example:7000/2?ssl_cert_reqs=none")
    assert (far.host, far.port, far.username, far.password, far.database) == (
        *("redis.example", 7000, "ann", "p@ss", 2),
    )
    assert far.tls is not None
    assert "p@ss" not in repr(far)
    near = parse_address("unix://:pw@/run/my%20dir/r.sock?db=1")
    assert (near.path, near.password, near.database) == ("/run/my dir/r.sock", "pw", 1)
    assert parse_address("redis://[::1]").host == "::1"
    for bad in ("http://x", "redis://h/zero", "redis://h:port"):
        with pytest.raises(ValueError, match=r".+"):
            parse_address(bad)


async def _reads(client: RedisClient) -> int:
    info = await client.execute("INFO", "stats")
    with contextlib.suppress(StopIteration):
        line = next(each for each in info.splitlines() if each.startswith(b"total_reads_processed"))
        return int(line.partition(b":")[2])
    raise AssertionError("the server counts no reads")


async def _ask_until_it_fails(client: RedisClient) -> None:
    while True:
        await client.execute("PING")
