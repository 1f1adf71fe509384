"""The foundation, opened: the master key, Postgres, Redis, and the log with its tail."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime

from adapters.background import REPLACED, Background
from adapters.capabilities import DECIDERS, PROJECTIONS, UPCASTS
from adapters.crypto.ids import new_id
from adapters.crypto.master import load_master_key
from adapters.crypto.vault import PostgresVault
from adapters.foundation import Foundation
from adapters.postgres.connect import Pool, open_pool
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.read_models import PostgresReadModels
from adapters.redis.client import RedisClient
from adapters.redis.progress import ProgressChannel
from adapters.settings import Settings
from adapters.telemetry.metrics import Metrics
from application.codec import EventCodec
from application.current import CurrentStates
from application.event_store import StoredEvent
from application.personal_data import forgetting
from application.pipeline import Pipeline
from application.tail import Tail


async def open_foundation(
    stack: AsyncExitStack, settings: Settings, metrics: Metrics, clock: Callable[[], datetime]
) -> Foundation:
    """The master key, the connections, and the log with its tail.

    `stack` closes them. Raises as `open_platform`.
    """
    background = Background()
    stack.push_async_callback(background.stop)
    master = load_master_key(settings.master_key_file)
    store = await PostgresEventStore.open(
        settings.database_url,
        on_replaced=lambda _: background.fail(REPLACED),
        on_clock_ahead=lambda _: metrics.clock_jumps.inc(),
    )
    stack.push_async_callback(store.aclose)
    readers = await _pool(stack, settings, "annals_reader")
    appenders = await _pool(stack, settings, "annals_appender")
    vault = PostgresVault(appenders, master)
    await vault.check()
    redis = await RedisClient.open(settings.redis_url)
    stack.push_async_callback(redis.aclose)
    progress = ProgressChannel(redis, settings.redis_url)
    codec = EventCodec(DECIDERS, vault, UPCASTS)
    pipeline = Pipeline(store, codec, new_id)
    current = CurrentStates(pipeline)
    tail = _tail(store, current, background)
    tail.on_events(forgetting(vault, current))
    return Foundation(
        settings=settings,
        metrics=metrics,
        background=background,
        master=master,
        readers=readers,
        appenders=appenders,
        redis=redis,
        progress=progress,
        store=store,
        vault=vault,
        codec=codec,
        pipeline=pipeline,
        current=current,
        tail=tail,
        read_models=PostgresReadModels(readers, PROJECTIONS, progress, store.incarnation),
        now=clock,
        new_id=new_id,
    )


async def _pool(stack: AsyncExitStack, settings: Settings, role: str) -> Pool:
    pool = await open_pool(settings.database_url, role=role, name=role)
    stack.callback(pool.terminate)
    return pool


def _tail(store: PostgresEventStore, current: CurrentStates, background: Background) -> Tail:
    """The log's tail, which drops kept states as they move."""
    tail = Tail(store)

    def moved(events: Sequence[StoredEvent]) -> None:
        for event in events:
            current.moved((event.tenant, event.stream), event.version)

    tail.on_events(moved)
    tail.on_replaced(lambda _: background.fail(REPLACED))
    return tail
