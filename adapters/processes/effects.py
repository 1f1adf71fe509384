"""What the processes that deal with effects share: the broker, a sender, and the register."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from dramatiq.brokers.redis import RedisBroker

from adapters.dramatiq.broker import close_broker, open_broker
from adapters.dramatiq.sender import DramatiqSender
from adapters.platform import Platform
from adapters.postgres.effects import PostgresEffects
from adapters.postgres.leases import PostgresLeases

NAMESPACE = "annals"


@contextmanager
def opened_broker(platform: Platform) -> Iterator[tuple[RedisBroker, DramatiqSender]]:
    """The broker of this installation; it connects when it is first used."""
    lost = platform.metrics.tickets_lost
    broker = open_broker(platform.settings.redis_url, f"{NAMESPACE}:{platform.store.incarnation}")
    sender = DramatiqSender(broker, on_lost=lost.inc)
    try:
        yield broker, sender
    finally:
        sender.close()
        close_broker(broker)


@asynccontextmanager
async def opened_register(platform: Platform) -> AsyncIterator[PostgresEffects]:
    """What the database knows about effects, over connections of its own."""
    register = await PostgresEffects.open(platform.settings.database_url)
    try:
        yield register
    finally:
        await register.aclose()


@asynccontextmanager
async def opened_leases(platform: Platform) -> AsyncIterator[PostgresLeases]:
    """Where the leases of long effects are renewed; it connects when there is the first."""
    leases = await PostgresLeases.open(platform.settings.database_url)
    try:
        yield leases
    finally:
        await leases.aclose()
