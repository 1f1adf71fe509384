"""The projector: feeds read models and reactions from the log."""

import os
import socket
from uuid import uuid4

from adapters.bootstrap import open_platform
from adapters.capabilities import PROJECTIONS, REACTIONS
from adapters.postgres.connect import open_pool
from adapters.postgres.projector import Projector, bound_transactions
from adapters.postgres.reactor import Reactor, begin_at_tail
from adapters.processes.effects import opened_broker
from adapters.processes.life import settle_garbage, signals, until_stopped
from adapters.settings import Settings


async def run(settings: Settings) -> None:
    """Project until told to stop.

    Raises:
        Broken: when it should be started anew.
    """
    async with signals() as stop, open_platform(settings) as platform:
        pool = await open_pool(
            settings.database_url,
            role="annals_projector",
            name="projector",
            on_connect=bound_transactions,
        )
        try:
            with opened_broker(platform) as (_, sender):
                await begin_at_tail(pool, REACTIONS)
                reactors = [
                    Reactor(each, bus=platform.bus, sender=sender, codec=platform.codec)
                    for each in REACTIONS
                ]
                projector = Projector(
                    pool=pool,
                    store=platform.store,
                    codec=platform.codec,
                    tail=platform.tail,
                    progress=platform.progress,
                    holder=f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}",
                    projections=PROJECTIONS,
                    followers=reactors,
                )
                platform.follow_log()
                settle_garbage()
                platform.background.start("projector", projector.run())
                try:
                    await until_stopped(stop, platform.background, settings.alive_file)
                finally:
                    await platform.background.stop()
        finally:
            pool.terminate()
