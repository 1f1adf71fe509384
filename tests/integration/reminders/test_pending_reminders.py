"""Where a rebuild of what is due reads: every tenant is found, however long the log is."""

from typing import Any

from adapters.postgres.connect import open_pool
from adapters.postgres.event_store import opened
from adapters.reminder_clock import ReadPendingReminders
from application.event_store import Append
from tests.support.log_items import write

NOBODY: Any = None


async def test_every_tenant_is_found_once(database_url: str) -> None:
    async with opened(database_url) as store:
        pool = await open_pool(database_url, role="annals_reader", name="test")
        pending = ReadPendingReminders(pool, NOBODY)
        assert await pending._tenants() == []
        for tenant in ("b", "a", "c", "a"):
            stream = f"thing/{(await store.tail()).position}"
            await store.append(Append(writes=(write(stream, count=3, tenant=tenant),)))
        assert await pending._tenants() == ["a", "b", "c"]
        pool.terminate()
