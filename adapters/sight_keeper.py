"""Forgets when sessions were last seen, once they have all ended long ago."""

import asyncio
from datetime import datetime

import structlog

from adapters.platform import Platform
from adapters.postgres.connect import close, connect, outages
from application.event_store import Outage
from application.last_seen import SESSION_KIND
from application.session_store import LONGEST

EVERY = 6 * 3600.0  # seconds

_FORGET = "DELETE FROM annals.last_seen WHERE log_id = 1 AND kind = $1 AND seen_at < $2"

log = structlog.get_logger(__name__)


async def keep_sights(platform: Platform) -> None:
    """A scheduler's chore: look now and then."""
    settings = platform.settings
    lifetime = max(LONGEST, settings.session_ttl)
    while True:
        try:
            await forget_sights(settings.database_url, platform.now() - lifetime)
        except Outage as outage:
            log.warning("sights_not_forgotten", detail=outage.detail)
        await asyncio.sleep(EVERY)


async def forget_sights(url: str, before: datetime) -> None:
    """Forget sessions that were last seen before a time.

    Raises:
        Outage: Postgres does not answer.
    """
    connection = await connect(url, role="annals_projector", name="annals sights")
    try:
        async with outages():
            await connection.execute(_FORGET, SESSION_KIND, before)
    finally:
        await close(connection)
