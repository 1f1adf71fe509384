import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator

import argon2
import bcrypt
import pytest

from adapters.crypto.common_passwords import common_passwords
from adapters.crypto.passwords import Argon2Hasher, _forms
from application.event_store import Outage
from domain.password_costs import PasswordCosts


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


@pytest.mark.parametrize("prefix", [b"2a", b"2b", b"2y"])
async def test_bcrypt_from_elsewhere_is_right_and_wants_to_be_made_anew(
    hasher: Argon2Hasher, prefix: bytes
) -> None:
    kept = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).replace(b"$2b$", b"$%b$" % prefix)
    assert hasher.accepts(kept.decode())
    verified = await hasher.verify(kept.decode(), "correct horse")
    assert (verified.ok, verified.needs_rehash) == (True, True)
    assert not (await hasher.verify(kept.decode(), "correct horsf")).ok


@pytest.mark.parametrize("wrong", [None, "own", "cheap"])
async def test_from_an_imported_hash_on_every_wrong_password_takes_as_long(
    hasher: Argon2Hasher, wrong: str | None
) -> None:
    loop = asyncio.get_running_loop()
    cheap = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
    known = {None: None, "own": await hasher.hash("pw"), "cheap": cheap}[wrong]
    await hasher.verify(None, "pw")
    assert hasher.slowest == 0
    dear = bcrypt.hashpw(b"pw", bcrypt.gensalt(9)).decode()
    assert not (await hasher.verify(dear, "wrong")).ok
    slowest, began = hasher.slowest, loop.time()
    assert not (await hasher.verify(known, "wrong")).ok
    assert loop.time() - began >= slowest * 0.95
    assert slowest > 0


@pytest.mark.parametrize(
    "dear",
    [
        lambda: bcrypt.hashpw(b"pw", bcrypt.gensalt(9)).decode(),
        lambda: argon2.PasswordHasher(3, 4096, 2).hash("pw"),
        lambda: argon2.PasswordHasher(3, 4096, 1, type=argon2.Type.D).hash("pw"),
    ],
)
async def test_from_the_expectation_of_costs_on_too(
    hasher: Argon2Hasher, dear: Callable[[], str]
) -> None:
    costs = hasher.costs_of(dear())
    await hasher.expect([hasher.costs])
    assert hasher.slowest == 0
    await asyncio.gather(*(hasher.expect([costs]) for _ in range(3)))
    assert len(hasher._expected) == 1
    slowest, loop = hasher.slowest, asyncio.get_running_loop()
    assert slowest > 0
    for wrong in ("wrong", "cafe\u0301 au lait"):  # the second is compared in two forms
        began = loop.time()
        assert not (await hasher.verify(None, wrong)).ok
        assert loop.time() - began >= slowest * len(_forms(wrong)) * 0.95
    assert len(_forms("cafe\u0301 au lait")) == 2


async def test_what_could_not_be_tried_out_is_tried_again(hasher: Argon2Hasher) -> None:
    costs, gate = PasswordCosts(function="bcrypt", passes=4), threading.Event()
    waiting = [asyncio.ensure_future(hasher._run(gate.wait)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Outage):
        await hasher.expect([costs])
    gate.set()
    await asyncio.gather(*waiting)
    await hasher.expect([costs])
    assert hasher.slowest > 0


async def test_bcrypt_sees_the_first_72_bytes_as_it_did_where_the_hash_was_made(
    hasher: Argon2Hasher,
) -> None:
    kept = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert (await hasher.verify(kept, "x" * 100)).ok
    assert not (await hasher.verify(kept, "x" * 71)).ok


async def test_a_hash_over_another_form_of_the_same_characters_is_right(
    hasher: Argon2Hasher,
) -> None:
    decomposed = "cafe\u0301 au lait"
    kept = bcrypt.hashpw(decomposed.encode(), bcrypt.gensalt(4)).decode()
    assert (await hasher.verify(kept, decomposed)).ok


async def test_argon2_from_elsewhere_is_right_and_wants_to_be_made_anew(
    hasher: Argon2Hasher,
) -> None:
    foreign = argon2.PasswordHasher(
        time_cost=2, memory_cost=64, parallelism=2, type=argon2.Type.I
    ).hash("correct horse")
    assert hasher.accepts(foreign)
    verified = await hasher.verify(foreign, "correct horse")
    assert (verified.ok, verified.needs_rehash) == (True, True)


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "correct horse",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$2b$31$" + "a" * 53,
        "$2x$10$" + "a" * 53,
        "$2b$10$" + "a" * 52,
        "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=65536,t=999,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=65536,t=2,p=0$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=65536,t=2$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=65536,t=2,p=1$c2Fsdà$aGFzaGhhc2g",
    ],
)
def test_what_is_no_hash_or_too_dear_is_not_accepted(hasher: Argon2Hasher, foreign: str) -> None:
    assert not hasher.accepts(foreign)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
async def test_hashing_gives_way_to_requests(hasher: Argon2Hasher) -> None:
    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    there = await hasher._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert there == min(19, here + 5)


def test_the_list_holds_ten_thousand_passwords_of_eight_and_more() -> None:
    common = common_passwords()
    assert len(common) >= 10_000
    assert min(map(len, common)) == 8
    assert {"password", "12345678", "qwertyuiop", "iloveyou", "trustno1"} <= common
    assert all(each == each.casefold() for each in common)
