"""Everything is killed while somebody is being erased: afterwards they are erased, not half so."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import asyncpg
import httpx

from tests.support.platform import Platform
from tests.support.services import EmbeddedServers

T = TypeVar("T")

PATIENCE = 180.0  # the lease of a killed attempt runs out first
_KEY = "SELECT wrapped FROM annals.data_keys WHERE kind = 'person' AND owner = $1"
_END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity, pg_stat_clear_snapshot()
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL
"""
_EVENTS = "SELECT type FROM annals.events WHERE stream = 'account/' || $1 ORDER BY version"


def until(ask: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE
    while not (found := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


class Database:
    """A look at the tables, and a hand on one row: whoever wants to change it waits."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection: Any = self._run(asyncpg.connect(url))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def hold_key(self, account: str) -> None:
        self._run(self._connection.execute("BEGIN"))
        assert self._run(self._connection.fetchval(f"{_KEY} FOR UPDATE", account)) is not None

    def let_go(self) -> None:
        """After what waited here has been ended, too: a server goes on for who was killed."""
        until(lambda: not self._run(self._connection.fetch(_END_OTHERS)))
        self._run(self._connection.execute("ROLLBACK"))

    def has_key(self, account: str) -> bool:
        return self._run(self._connection.fetchval(_KEY, account)) is not None

    def types(self, account: str) -> list[str]:
        rows = self._run(self._connection.fetch(_EVENTS, account))
        return [str(row["type"]) for row in rows]

    def close(self) -> None:
        self._run(self._connection.close())
        self._loop.close()


def test_who_was_being_erased_when_all_was_killed_is_erased(
    platform: Platform, servers: EmbeddedServers
) -> None:
    annals, database = platform.driver(), Database(servers.postgres)
    user = annals.signed_in()
    database.hold_key(user.account)

    def erase() -> None:
        body = {"current_password": user.password}
        with contextlib.suppress(httpx.TransportError):
            annals.request("DELETE", "/v1/me", token=user.token, body=body)

    erasing = threading.Thread(target=erase)
    erasing.start()
    until(lambda: "account.erased" in database.types(user.account))
    platform.kill()
    erasing.join()
    database.let_go()
    assert database.has_key(user.account)
    assert "account.keys_destroyed" not in database.types(user.account)
    platform.start()
    until(lambda: "account.keys_destroyed" in database.types(user.account))
    assert not database.has_key(user.account)
    assert database.types(user.account).count("account.erased") == 1
    assert annals.session(user.token).status_code == 401
    assert annals.sign_in(user).status_code == 401
    assert annals.sign_up(user).status_code == 201
    annals.close()
    database.close()
