"""What everything else in a process stands on: its keys, Postgres, Redis, and the log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.background import Background
from adapters.crypto.master import MasterKey
from adapters.crypto.vault import PostgresVault
from adapters.postgres.connect import Pool
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.read_models import PostgresReadModels
from adapters.redis.client import RedisClient
from adapters.redis.progress import ProgressChannel
from adapters.settings import Settings
from adapters.telemetry.metrics import Metrics
from application.codec import EventCodec
from application.current import CurrentStates
from application.pipeline import Pipeline
from application.tail import Tail


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """Opened before any capability's ports, and closed after them."""

    settings: Settings
    metrics: Metrics
    background: Background
    master: MasterKey
    readers: Pool
    appenders: Pool
    redis: RedisClient
    progress: ProgressChannel
    store: PostgresEventStore
    vault: PostgresVault
    codec: EventCodec
    pipeline: Pipeline
    current: CurrentStates
    tail: Tail
    read_models: PostgresReadModels
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
