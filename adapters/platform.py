"""The platform: everything that a process has opened, by the name of its role."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.background import Background
from adapters.crypto.idempotency import KeyedAnswers
from adapters.crypto.master import MasterKey
from adapters.http.draining import Draining
from adapters.open_cache import OpenCache
from adapters.postgres.connect import Pool
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.last_seen import PostgresLastSeen
from adapters.postgres.read_models import PostgresReadModels
from adapters.postgres.tail import Listener
from adapters.redis.client import RedisClient
from adapters.redis.progress import ProgressChannel
from adapters.services import Services
from adapters.settings import Settings
from adapters.telemetry.metrics import Metrics
from application.access import KeyAuthenticator
from application.aggregates import Recorder
from application.bus import Bus
from application.codec import EventCodec
from application.current import CurrentStates
from application.history import History
from application.limits import RateLimiter
from application.memberships import Standings
from application.pipeline import Pipeline
from application.session_store import Rebuilds, SessionStore
from application.sessions import ends_in
from application.tail import Tail


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Everything that an entry point may work with."""

    settings: Settings
    metrics: Metrics
    draining: Draining
    background: Background
    master: MasterKey
    readers: Pool
    redis: RedisClient
    progress: ProgressChannel
    store: PostgresEventStore
    codec: EventCodec
    pipeline: Pipeline
    current: CurrentStates
    tail: Tail
    read_models: PostgresReadModels
    history: History
    sessions: SessionStore
    rebuilds: Rebuilds
    last_seen: PostgresLastSeen
    limiter: RateLimiter
    idempotency: KeyedAnswers
    cache: OpenCache
    services: Services
    recorder: Recorder
    bus: Bus
    keys: KeyAuthenticator
    standings: Standings
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def follow_log(self) -> None:
        """Run the tail of the log: what is kept in this process then follows it."""
        self.background.start("listener", Listener(self.settings.database_url, self.tail).run())
        self.background.start("tail", self.tail.run())
        self.background.start("cache", self.cache.follower.run())
        self.background.start("flags", self.services.flag_sets.run())
        self.background.start("aggregates", self.recorder.run())
        self.background.start("contexts", self.services.recorded_contexts.run())
        self.background.start("last seen", self.last_seen.run())

    def hear_ends(self) -> None:
        """Let sessions end here when the log's tail tells so, whatever Redis says."""
        self.tail.on_events(lambda events: self.sessions.heard(ends_in(events)))
