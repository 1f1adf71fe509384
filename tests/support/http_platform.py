"""The HTTP layer over ports in memory: real routes, pipeline and log, and no server to wait for."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from litestar import Litestar

from adapters.capabilities import DECIDERS, UPCASTS, handlers
from adapters.crypto.master import MasterKey
from adapters.crypto.tokens import hash_token, new_session_token
from adapters.crypto.webhook_names import KeyedWebhookNames
from adapters.crypto.webhook_signatures import WebhookVerifier
from adapters.http.app import build_app
from adapters.http.draining import Draining
from adapters.memory.context_store import MemoryContextStore
from adapters.memory.entry_store import MemoryEntryStore
from adapters.memory.event_store import MemoryEventStore
from adapters.memory.history import ScanningHistory
from adapters.memory.last_seen import MemoryLastSeen
from adapters.memory.log_reader import MemoryLogReader
from adapters.memory.vault import MemoryVault
from adapters.memory.webhook_refusals import MemoryRefusalCounter
from adapters.open_cache import open_cache
from adapters.open_experiments import SubjectHashes
from adapters.open_flags import Contexts
from adapters.open_logs import opened_logs
from adapters.open_second_factors import opened_second_factor
from adapters.open_tokens import opened_tokens
from adapters.schemas.validator import JsonSchemaValidator
from adapters.services import Services
from adapters.settings import Settings
from adapters.statistics.experiments import ScipyStatistics
from adapters.telemetry.metrics import Metrics
from adapters.webhooks import WebhookPorts
from application.access import KeyAuthenticator, SetOwner
from application.aggregates import Recorder
from application.bus import Bus
from application.codec import EventCodec
from application.context import Context
from application.credentials import CredentialCheck
from application.current import CurrentStates
from application.experiments.exposures import Exposures
from application.experiments.running import RunningExperiments
from application.flags import CurrentFlags
from application.flags.flag_sets import FlagSets
from application.flags.recorded_contexts import RecordedContexts
from application.flags.unleash_view import UnleashViews
from application.flags.usage import UsageCounts
from application.letter_limit import LetterLimit
from application.limits import RateLimiter
from application.mail import Letters
from application.memberships import Standings
from application.personal_data import People
from application.personal_export import ExportLimit
from application.pipeline import Pipeline
from application.schemas import CurrentSchemas
from application.signing_in import SessionOpener
from application.tail import Tail
from application.webhooks.messages import MessageReader
from tests.support.stand_ins import (
    Counter,
    Keys,
    NoLockout,
    NoReadModels,
    NoRows,
    PlainHasher,
    Redis,
    Sessions,
)

PUBLIC_URL = "https://annals.example.org"
OWNER = f"annals_{UUID(int=7).hex}_{'k' * 43}"


def _email_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@dataclass(kw_only=True)
class MemoryPlatform:
    settings: Settings = field(default_factory=lambda: Settings(log_level="error"))
    public_url: str = PUBLIC_URL
    metrics: Metrics = field(default_factory=Metrics)
    draining: Draining = field(default_factory=Draining)
    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    vault: MemoryVault = field(default_factory=MemoryVault)
    sessions: Any = field(default_factory=Sessions)
    counter: Counter = field(default_factory=Counter)
    idempotency: Keys = field(default_factory=Keys)
    read_models: Any = field(default_factory=NoReadModels)
    redis: Any = field(default_factory=Redis)
    hasher: Any = field(default_factory=PlainHasher)
    lockout: Any = field(default_factory=NoLockout)
    log_reader: MemoryLogReader = field(default_factory=MemoryLogReader)
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.new_id: Callable[[], UUID] = uuid4
        self.codec = EventCodec(DECIDERS, self.vault, UPCASTS)
        self.pipeline = Pipeline(self.store, self.codec, self.new_id)
        self.current = CurrentStates(self.pipeline)
        self.tail = Tail(self.store)
        self.cache = open_cache(MemoryEntryStore(self._timestamp), self.tail)
        self.flag_sets = FlagSets(NoRows(self.store), self.store, self.codec, self.tail)
        self.usage = UsageCounts(self.new_id)
        self.context_store = MemoryContextStore()
        self.last_seen = MemoryLastSeen(self.now)
        self.recorded_contexts = RecordedContexts(
            self.context_store, interval=10.0, now=self._timestamp
        )
        self.subject_hash = SubjectHashes(MasterKey(b"m" * 32))
        self.exposures = Exposures(self.subject_hash, now=self.now, new_id=self.new_id)
        self.experiments = RunningExperiments(NoRows(self.store), self.store, self.codec, self.tail)
        self.recorder = Recorder(
            [self.usage, self.exposures],
            self.pipeline,
            now=self.now,
            new_id=self.new_id,
            interval=10.0,
        )
        self.history = ScanningHistory(self.store)
        self.keys = KeyAuthenticator(self.current, self.now)
        self.standings = Standings(self.current)
        self.limiter = RateLimiter(self.current, self.counter, self._opened)
        self.services = self._services()
        self.bus = Bus(self.pipeline, handlers(self.services))

    def _opened(self, limit: str) -> None:
        self.metrics.limiter_open.labels(limit).inc()

    def now(self) -> datetime:
        self.clock += timedelta(milliseconds=1)
        return self.clock

    def _timestamp(self) -> float:
        return self.clock.timestamp()

    def _services(self) -> Services:
        schemas, contexts = JsonSchemaValidator(), Contexts(self.now)
        letters = Letters(self.public_url, _email_hash, self.new_id, self.now)
        return Services(
            settings=self.settings,
            current=self.current,
            flags=CurrentFlags(self.flag_sets, contexts, self.usage),
            flag_sets=self.flag_sets,
            flag_context=contexts,
            flag_usage=self.usage,
            recorded_contexts=self.recorded_contexts,
            experiments=self.experiments,
            exposures=self.exposures,
            subject_hash=self.subject_hash,
            statistics=ScipyStatistics(),
            unleash_views=UnleashViews(),
            limiter=self.limiter,
            schemas=schemas,
            registry=CurrentSchemas(self.current, schemas),
            cache=self.cache.loads,
            logs=opened_logs(self.settings, self.current, self.cache.loads, self.log_reader),
            hasher=self.hasher,
            check_credentials=CredentialCheck(
                self.hasher,
                self.lockout,
                _email_hash,
                self.now,
                verified_only=self.settings.accounts_verify == "required",
            ),
            tokens=opened_tokens(self.current, PUBLIC_URL, now=self.now, new_id=self.new_id),
            open_session=SessionOpener(
                self.sessions,
                new_session_token,
                self.settings.session_ttl,
                self.now,
                self.new_id,
            ),
            sessions=self.sessions,
            last_seen=self.last_seen,
            email_hash=_email_hash,
            executor=None,  # type: ignore[arg-type]  # nothing is carried out here
            backups=None,  # type: ignore[arg-type]  # there is no repository
            live_log=None,  # type: ignore[arg-type]  # there is no database
            courier=None,  # type: ignore[arg-type]  # nor delivered
            mailer=None,
            vault=self.vault,
            people=People(self.store, self.codec, _email_hash),
            letters=letters,
            letter_limit=LetterLimit(self.counter),
            export_limit=ExportLimit(self.counter),
            second_factor=opened_second_factor(
                MasterKey(b"m" * 32), letters, now=self.now, new_id=self.new_id
            ),
            webhooks=WebhookPorts(
                names=KeyedWebhookNames(MasterKey(b"m" * 32)),
                verify=WebhookVerifier(),
                refusals=MemoryRefusalCounter(),
                read=MessageReader(self.store, self.codec),
            ),
            now=self.now,
            new_id=self.new_id,
        )

    async def set_owner(self) -> None:
        owner = SetOwner(key=str(UUID(int=7)), secret_hash=hash_token(OWNER), rotate=False)
        await self.bus.execute(owner, Context(correlation_id=uuid4(), deadline=1e12))


@dataclass
class Api:
    """A client of the application, in the same process."""

    platform: MemoryPlatform
    app: Litestar
    http: httpx.AsyncClient

    async def owner(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return await self.ask(method, path, body, token=OWNER, **headers)

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        return await self.http.request(method, path, json=body, headers=sent)

    async def sign_in(self, email: str = "ada@example.org") -> str:
        body = {"email": email, "password": "correct horse"}
        await self.ask("POST", "/v1/accounts", body)
        answer = await self.ask("POST", "/v1/sessions", body)
        self.http.cookies.clear()
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


class Lent:
    """The platform that an application serves now: to build one takes as long as some tests."""

    def __init__(self, platform: MemoryPlatform) -> None:
        self.platform = platform
        self.app = build_app(self)  # type: ignore[arg-type]  # it has whatever the platform has

    def __getattr__(self, name: str) -> Any:
        return getattr(self.platform, name)


_idle: dict[str, list[Lent]] = defaultdict(list)
"""Those that serve nobody, by the level of the log that they were built for."""


@asynccontextmanager
async def opened_api(**parts: Any) -> AsyncIterator[Api]:
    """The application over a platform in memory, whose owner's key is `OWNER`."""
    platform = MemoryPlatform(**parts)
    await platform.set_owner()
    idle = _idle[platform.settings.log_level]
    lent = idle.pop() if idle else Lent(platform)
    lent.platform = platform
    transport = httpx.ASGITransport(app=lent.app, raise_app_exceptions=True)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://annals") as http:
        yield Api(platform, lent.app, http)
    idle.append(lent)
