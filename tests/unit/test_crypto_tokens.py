import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from adapters.crypto.tokens import (
    IdMaker,
    hash_token,
    is_session_token,
    make_api_key,
    new_id,
    new_session_token,
    parse_api_key,
)


def test_session_tokens_are_long_and_different() -> None:
    tokens = {new_session_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(is_session_token(token) and len(token) == 46 for token in tokens)
    assert not any(is_session_token(bad) for bad in ("", "as_", "as_" + "é" * 43, "xx" + "a" * 44))


def test_only_the_token_has_its_hash() -> None:
    token = new_session_token()
    kept = hash_token(token)
    assert len(kept) == 64
    assert hash_token(token) == kept
    assert hash_token(token[:-1] + ("a" if token[-1] != "a" else "b")) != kept
    assert hash_token("\ud800") != kept


def test_an_api_key_tells_its_id_and_is_known_by_its_hash() -> None:
    id_ = new_id()
    key = make_api_key(id_)
    assert parse_api_key(key.text) == key.id == id_
    assert hash_token(key.text) == key.hash
    assert make_api_key(id_).text != key.text


@pytest.mark.parametrize(
    "text",
    ["", "annals_", "annals_12_ab", "annals_" + "0" * 32, "annals_" + "g" * 32 + "_" + "a" * 43],
)
def test_what_is_no_api_key_has_no_id(text: str) -> None:
    assert parse_api_key(text) is None


def test_ids_are_version_7_with_the_time_in_front() -> None:
    before = time.time_ns() // 1_000_000
    id_ = new_id()
    after = time.time_ns() // 1_000_000
    assert (id_.version, id_.variant) == (7, "specified in RFC 4122")
    assert before <= id_.int >> 80 <= after + 1


def test_ids_only_rise() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))


def test_ids_rise_while_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    make = IdMaker()
    first = make()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000_000_000_000)
    later = [make() for _ in range(5000)]
    assert [first, *later] == sorted({first, *later})


def test_ids_from_many_threads_are_different() -> None:
    def some(_: int) -> list[UUID]:
        return [new_id() for _ in range(2000)]

    with ThreadPoolExecutor(4) as threads:
        ids = [id_ for each in threads.map(some, range(8)) for id_ in each]
    assert len(set(ids)) == 16_000


def test_a_forked_process_has_random_bits_of_its_own() -> None:
    told = subprocess.run([sys.executable, "-c", _FORKS], capture_output=True, check=True).stdout
    one, other = told.split()
    assert one != other


_FORKS = """
import os
from adapters.crypto.tokens import new_id

new_id()
child = os.fork()
if child:
    os.waitpid(child, 0)
os.write(1, new_id().hex[16:].encode() + b" ")
"""
