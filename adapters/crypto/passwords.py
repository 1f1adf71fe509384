"""Passwords under argon2id (RFC 9106), in threads of their own behind a bounded queue.

The defaults are OWASP's least: 19 MiB, two passes, one lane. Passwords are compared in the form
NFKC, as NIST SP 800-63B asks, so that the same characters from another keyboard are the same.
"""

import asyncio
import contextlib
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from application.event_store import Outage
from application.passwords import Verified

R = TypeVar("R")


class Argon2Hasher:
    """`PasswordHasher` with argon2id; `memory_kib` in KiB."""

    def __init__(
        self,
        *,
        memory_kib: int = 19_456,
        iterations: int = 2,
        lanes: int = 1,
        threads: int = 2,
        queue: int = 64,
    ) -> None:
        """At most `threads` hashes are made at a time, and at most `queue` more wait."""
        self._argon2 = argon2.PasswordHasher(
            time_cost=iterations, memory_cost=max(memory_kib, 8 * lanes), parallelism=lanes
        )
        self._bound = threads + queue
        self._busy = 0
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """See `PasswordHasher.hash`."""
        plain = _normal(password)
        return await self._run(lambda: self._argon2.hash(plain))

    async def verify(self, password_hash: str | None, password: str) -> Verified:
        """See `PasswordHasher.verify`."""
        plain = _normal(password)
        return await self._run(lambda: self._verify(password_hash, plain))

    async def warm_up(self) -> None:
        """Make the hash of nobody's password now, so that the first stranger costs no more."""
        await self._run(self._stranger)

    def close(self) -> None:
        """Let the threads end; what waits is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str | None, plain: bytes) -> Verified:
        known = password_hash or self._stranger()
        try:
            self._argon2.verify(known, plain)
        except (VerificationError, InvalidHashError):
            return Verified(ok=False)
        if password_hash is None:
            return Verified(ok=False)
        return Verified(ok=True, needs_rehash=self._argon2.check_needs_rehash(known))

    def _stranger(self) -> str:
        """A hash with today's costs that no password has."""
        if self._nobody is None:
            self._nobody = self._argon2.hash(b"\x00nobody")
        return self._nobody

    async def _run(self, work: Callable[[], R]) -> R:
        """Run in a thread. A caller who leaves frees the place only when the thread is done."""
        if self._busy >= self._bound:
            raise Outage("Too many passwords are being checked", retry_after=2.0)
        self._busy += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._freed)
        return await asyncio.shield(future)

    def _freed(self, future: asyncio.Future[R]) -> None:
        self._busy -= 1
        with contextlib.suppress(asyncio.CancelledError):
            future.exception()  # seen, also when its caller has left


def _normal(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
