import asyncio
import threading
from collections.abc import Iterator

import pytest

from adapters.crypto.passwords import Argon2Hasher
from application.event_store import Outage


@pytest.fixture
def hasher() -> Iterator[Argon2Hasher]:
    hasher = Argon2Hasher(memory_kib=8, iterations=1, threads=2, queue=2)
    yield hasher
    hasher.close()


async def test_only_the_right_password_is_right(hasher: Argon2Hasher) -> None:
    kept = await hasher.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert (await hasher.verify(kept, "correct horse")).ok
    assert not (await hasher.verify(kept, "correct horsf")).ok
    assert not (await hasher.verify("no hash", "correct horse")).ok
    assert await hasher.hash("correct horse") != kept


async def test_the_same_characters_from_another_keyboard_are_the_same(
    hasher: Argon2Hasher,
) -> None:
    kept = await hasher.hash("caf\u00e9 \ud800")
    assert (await hasher.verify(kept, "cafe\u0301 \ud800")).ok


async def test_a_hash_of_other_costs_wants_to_be_made_anew(hasher: Argon2Hasher) -> None:
    kept = await hasher.hash("pw")
    assert not (await hasher.verify(kept, "pw")).needs_rehash
    stronger = Argon2Hasher(memory_kib=16, iterations=1)
    assert (await stronger.verify(kept, "pw")).needs_rehash
    assert not (await stronger.verify(kept, "other")).needs_rehash
    stronger.close()


async def test_nobodys_password_is_never_right_and_costs_the_same_work(
    hasher: Argon2Hasher,
) -> None:
    await hasher.warm_up()
    assert not (await hasher.verify(None, "\x00nobody")).ok
    kept = await hasher.hash("pw")
    assert hasher._stranger().split("$")[1:4] == kept.split("$")[1:4]


async def test_beyond_its_queue_it_refuses_at_once(hasher: Argon2Hasher) -> None:
    gate = threading.Event()
    waiting = [asyncio.ensure_future(hasher._run(gate.wait)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Outage):
        await hasher.hash("pw")
    waiting[0].cancel()
    await asyncio.sleep(0)
    with pytest.raises(Outage):
        await hasher.hash("pw")
    gate.set()
    await asyncio.gather(*waiting[1:])
    assert await hasher.hash("pw")
