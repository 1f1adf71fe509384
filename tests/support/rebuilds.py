"""Every read model built anew, by the projectors that run."""

import asyncio
import time

from adapters.backups.fence import as_owner
from adapters.capabilities import PROJECTIONS
from adapters.postgres import generations

_PATIENCE = 120.0


async def rebuild_all(url: str) -> int:
    """Begin a build of each, wait until queries are served by it, and drop the one before."""
    async with as_owner(url, "annals rebuild") as connection:
        before = await generations.generations(connection)
        begun = [await generations.rebuild(connection, each) for each in PROJECTIONS]
        ours = {(each.projection, each.number) for each in begun}
        deadline = time.monotonic() + _PATIENCE
        while True:
            now = await generations.generations(connection)
            if ours <= {(each.projection, each.number) for each in now if each.active}:
                break
            assert time.monotonic() < deadline, "the read models were not built"
            await asyncio.sleep(0.1)
        for each in before:
            await generations.retire(connection, each.projection, each.number)
    return len(begun)
