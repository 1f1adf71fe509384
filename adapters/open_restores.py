"""What restores need, opened from the platform's parts: the live log, and who carries them out."""

from functools import partial

from adapters.backups.begun import Begun
from adapters.backups.carry_out import carry_out_all
from adapters.backups.closing import ClosingStore
from adapters.backups.fill import Program
from adapters.backups.ground import PostgresGround
from adapters.backups.restore import Restorer
from adapters.platform import Platform
from adapters.postgres.connect import Pool
from adapters.postgres.history import PostgresHistory
from adapters.postgres.streams import PostgresStreams
from application.codec import EventCodec
from application.event_store import EventStore
from application.live_log import LiveLog


def live_log(url: str, store: EventStore, readers: Pool, codec: EventCodec) -> LiveLog:
    """The log at this URL, as a restore sees what it would replace."""
    return LiveLog(
        store=store,
        history=PostgresHistory(readers),
        ground=PostgresGround(url, readers),
        closing=partial(ClosingStore, url, store),
        codec=codec,
    )


def program() -> Program:
    """What this program knows of events."""
    from adapters.capabilities import (  # noqa: PLC0415 - the chore below is one of theirs
        DECIDERS,
        PROJECTIONS,
        REACTIONS,
        UPCASTS,
    )

    return Program(deciders=DECIDERS, upcasts=UPCASTS, reactions=REACTIONS, projections=PROJECTIONS)


async def carry_out_restores(platform: Platform) -> None:
    """The chore: every scheduler looks for restores that have begun, and one works."""
    restorer = Restorer(
        url=platform.settings.database_url,
        repository=platform.services.backups.repository,
        master=platform.master,
        program=program(),
        now=platform.now,
    )
    begun = Begun(platform.store, platform.codec, PostgresStreams(platform.readers))
    await carry_out_all(begun, restorer, platform.pipeline, platform.tail)
