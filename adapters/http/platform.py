"""What the HTTP layer needs of the platform; the composition root provides it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from adapters.http.draining import Draining
from adapters.open_cache import OpenCache
from adapters.services import Services
from adapters.settings import Settings
from adapters.telemetry.metrics import Metrics
from application.access import Principal
from application.bus import Bus
from application.codec import EventCodec
from application.current import CurrentStates
from application.event_store import EventStore
from application.history import History
from application.limits import RateLimiter
from application.memberships import Standings
from application.pipeline import Pipeline
from application.session_store import SessionStore
from application.tail import Tail
from projections.reading import ReadModels

Keys = Callable[[UUID, str, str | None], Awaitable[Principal | None]]
"""From an API key's id, the hash of the whole key and the tenant that is named to whose it is."""


class KeyCodec(Protocol):
    """How idempotency keys are kept: by keyed hashes, their answers sealed under the raw key."""

    def digest(self, tenant: str, credential: str, key: str) -> bytes:
        """Names a key within its scope, without telling it."""
        ...

    def fingerprint(self, method: str, route: str, body: bytes) -> bytes:
        """Tells one request from another."""
        ...

    def seal(self, key: str, answer: bytes) -> bytes:
        """Encrypt an answer so that only who knows the raw key can open it."""
        ...

    def open(self, key: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` has made."""
        ...


class Pings(Protocol):
    """Redis, as far as health asks it."""

    async def execute(self, *words: str) -> Any:
        """Send a command and wait for its reply."""
        ...


class HttpPlatform(Protocol):
    """The running platform, as requests see it; the names are the composition root's."""

    @property
    def settings(self) -> Settings:
        """The operator's decisions."""
        ...

    @property
    def metrics(self) -> Metrics:
        """Where requests are counted."""
        ...

    @property
    def draining(self) -> Draining:
        """Whether this process is about to stop."""
        ...

    @property
    def bus(self) -> Bus:
        """What carries commands out."""
        ...

    @property
    def pipeline(self) -> Pipeline:
        """What folds streams."""
        ...

    @property
    def current(self) -> CurrentStates:
        """Definitions as they are now."""
        ...

    @property
    def store(self) -> EventStore:
        """The log."""
        ...

    @property
    def codec(self) -> EventCodec:
        """What shows events."""
        ...

    @property
    def history(self) -> History:
        """The log, searched."""
        ...

    @property
    def tail(self) -> Tail:
        """The log's live end."""
        ...

    @property
    def read_models(self) -> ReadModels:
        """The rows that lists show."""
        ...

    @property
    def sessions(self) -> SessionStore:
        """Who is signed in."""
        ...

    @property
    def keys(self) -> Keys:
        """Whose an API key is."""
        ...

    @property
    def standings(self) -> Standings:
        """What an account may do in a tenant."""
        ...

    @property
    def limiter(self) -> RateLimiter:
        """What counts against limits."""
        ...

    @property
    def idempotency(self) -> KeyCodec:
        """How answers are kept under keys."""
        ...

    @property
    def cache(self) -> OpenCache:
        """Where entries lie."""
        ...

    @property
    def services(self) -> Services:
        """The ports that capabilities are made of."""
        ...

    @property
    def redis(self) -> Pings:
        """Redis, for its health."""
        ...

    @property
    def now(self) -> Callable[[], datetime]:
        """The time, in UTC."""
        ...

    @property
    def new_id(self) -> Callable[[], UUID]:
        """Makes UUIDv7s."""
        ...
