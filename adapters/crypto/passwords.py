"""Passwords under argon2id (RFC 9106), in threads of their own behind a bounded queue.

The defaults are OWASP's least: 19 MiB, two passes, one lane. Hashes that were made elsewhere
(argon2 with any costs, bcrypt) are good until their owner's next sign-in, when they are replaced.
To check one may take longer. Where such hashes are expected, or once one is met, every wrong
password is answered after the time of the slowest, so that nobody is told whose hash was imported;
right ones do not wait.

Hashing is most of what an attacker can make us compute, so it may use what is left over, and no
more: few threads, and where the system can do so (Linux), of a lower priority than the event loop.
"""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
import bcrypt
from argon2.exceptions import InvalidHashError, VerificationError

from adapters.crypto.foreign_hashes import BCRYPT_BYTES, is_bcrypt, is_usable
from adapters.crypto.password_decoys import costs_of, seconds_of
from application.event_store import Outage
from application.passwords import Verified
from domain.password_costs import PasswordCosts
from domain.passwords import normal_password

R = TypeVar("R")

_NICE = 5
_MOST_THREADS = 4
_MARGIN = 1.2  # by which a check may take longer than the trial of its costs


class Argon2Hasher:
    """`PasswordHasher` with argon2id; `memory_kib` in KiB.

    `busy` passwords are being hashed or wait for one of the `threads`. `slowest` is the longest
    that a comparison has taken since hashes of other costs are expected or were met, in seconds;
    without any it stays 0.
    """

    def __init__(
        self,
        *,
        memory_kib: int = 19_456,
        iterations: int = 2,
        lanes: int = 1,
        threads: int = min(_MOST_THREADS, os.cpu_count() or 1),
        queue: int = 2000,
    ) -> None:
        """At most `threads` hashes are made at a time, and at most `queue` more wait."""
        self._argon2 = argon2.PasswordHasher(
            time_cost=iterations, memory_cost=max(memory_kib, 8 * lanes), parallelism=lanes
        )
        self.threads = threads
        self._bound = threads + queue
        self.busy = 0
        self.slowest = 0.0
        self._threads = ThreadPoolExecutor(
            threads, thread_name_prefix="argon2", initializer=_give_way
        )
        self._nobody: str | None = None
        self._expected: dict[PasswordCosts, asyncio.Future[None]] = {}

    async def hash(self, password: str) -> str:
        """See `PasswordHasher.hash`."""
        plain = _bytes(normal_password(password))
        return await self._run(lambda: self._argon2.hash(plain))

    async def verify(self, password_hash: str | None, password: str) -> Verified:
        """See `PasswordHasher.verify`."""
        verified, took = await self._run(lambda: self._timed(password_hash, password))
        due = self.slowest * len(_forms(password))
        if not verified.ok and took < due:
            await asyncio.sleep(due - took)
        return verified

    def accepts(self, password_hash: str) -> bool:
        """See `PasswordHasher.accepts`."""
        return is_usable(password_hash)

    @property
    def costs(self) -> PasswordCosts:
        """See `PasswordHasher.costs`."""
        today = self._argon2
        return PasswordCosts(
            function=f"argon2{today.type.name.lower()}",
            passes=today.time_cost,
            memory_kib=today.memory_cost,
            lanes=today.parallelism,
        )

    def costs_of(self, password_hash: str) -> PasswordCosts:
        """See `PasswordHasher.costs_of`."""
        return costs_of(password_hash)

    async def expect(self, costs: Iterable[PasswordCosts]) -> None:
        """See `PasswordHasher.expect`."""
        for each in costs:
            if each != self.costs:
                await self._try_out(each)

    async def _try_out(self, costs: PasswordCosts) -> None:
        """Find out once what these costs take; who comes meanwhile waits for that."""
        found = self._expected.get(costs)
        if found is None or (found.done() and (found.cancelled() or found.exception())):
            found = asyncio.ensure_future(self._run(lambda: self._met(seconds_of(costs) * _MARGIN)))
            self._expected[costs] = found
        await asyncio.shield(found)

    def _met(self, seconds: float) -> None:
        self.slowest = max(self.slowest, seconds)

    async def warm_up(self) -> None:
        """Make the hash of nobody's password now, so that the first stranger costs no more."""
        await self._run(self._stranger)

    def close(self) -> None:
        """Let the threads end; what waits is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _timed(self, password_hash: str | None, password: str) -> tuple[Verified, float]:
        """Verify, and tell how long that has taken in this thread; waiting for one is no part."""
        began = time.perf_counter()
        verified = self._verify(password_hash, password)
        took = time.perf_counter() - began
        if self.slowest or (password_hash is not None and self._is_foreign(password_hash)):
            self._met(took / len(_forms(password)))
        return verified, took

    def _verify(self, password_hash: str | None, password: str) -> Verified:
        known = password_hash or self._stranger()
        right = any(self._matches(known, form) for form in _forms(password))
        if password_hash is None or not right:
            return Verified(ok=False)
        return Verified(ok=True, needs_rehash=self._is_foreign(known))

    def _matches(self, known: str, plain: bytes) -> bool:
        try:
            if is_bcrypt(known):
                return bcrypt.checkpw(plain[:BCRYPT_BYTES], known.encode("ascii"))
            return self._argon2.verify(known, plain)
        except (VerificationError, InvalidHashError, ValueError):
            return False

    def _is_foreign(self, known: str) -> bool:
        """Whether it is of another function, or of other costs than today's."""
        with contextlib.suppress(InvalidHashError):
            return is_bcrypt(known) or self._argon2.check_needs_rehash(known)
        return False

    def _stranger(self) -> str:
        """A hash with today's costs that no password has."""
        if self._nobody is None:
            self._nobody = self._argon2.hash(b"\x00nobody")
        return self._nobody

    async def _run(self, work: Callable[[], R]) -> R:
        """Run in a thread. A caller who leaves frees the place only when the thread is done."""
        if self.busy >= self._bound:
            raise Outage("Too many passwords are being checked", retry_after=2.0)
        self.busy += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._freed)
        return await asyncio.shield(future)

    def _freed(self, future: asyncio.Future[R]) -> None:
        self.busy -= 1
        with contextlib.suppress(asyncio.CancelledError):
            future.exception()  # seen, also when its caller has left


def _give_way() -> None:
    """Let the event loop go first; on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICE)


def _forms(password: str) -> tuple[bytes, ...]:
    """What is compared in turn: who made an imported hash may not have normalized."""
    typed, normal = _bytes(password), _bytes(normal_password(password))
    return (normal,) if typed == normal else (normal, typed)


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
