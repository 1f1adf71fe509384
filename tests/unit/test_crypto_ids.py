import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from adapters.crypto.ids import IdMaker, new_id


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
from adapters.crypto.ids import new_id

new_id()
child = os.fork()
if child:
    os.waitpid(child, 0)
os.write(1, new_id().hex[16:].encode() + b" ")
"""
