"""The composition root: opens what is needed, wires it, and closes it again.

API, projector, worker, scheduler and CLI are entry points over the same platform. Every port is an
optional keyword, so that a test can pass another one; nothing opens at import.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from adapters.background import REPLACED, Background
from adapters.capabilities import DECIDERS, PROJECTIONS, UPCASTS, handlers
from adapters.crypto.idempotency import KeyedAnswers
from adapters.crypto.ids import new_id
from adapters.crypto.master import MasterKey, load_master_key
from adapters.crypto.passwords import Argon2Hasher
from adapters.crypto.tokens import new_session_token
from adapters.crypto.vault import PostgresVault
from adapters.egress.couriers import opened_couriers
from adapters.egress.mail import mailer_of
from adapters.egress.open import opened_executor
from adapters.http.draining import Draining
from adapters.open_backups import opened_backups
from adapters.open_cache import OpenCache, open_cache, opened_entries
from adapters.open_experiments import ReadExperiments, SubjectHashes
from adapters.open_flags import Contexts, ReadFlags, recorded_contexts
from adapters.open_logs import opened_logs, opened_reader
from adapters.open_recorder import opened_recorder
from adapters.open_restores import live_log
from adapters.open_second_factors import opened_second_factor
from adapters.open_sessions import ReadOpenSessions, seen_interval
from adapters.open_tokens import opened_tokens
from adapters.postgres.connect import Pool, open_pool
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.history import PostgresHistory
from adapters.postgres.last_seen import PostgresLastSeen
from adapters.postgres.read_models import PostgresReadModels
from adapters.postgres.tail import Listener
from adapters.redis.backup_board import RedisBackupBoard
from adapters.redis.client import RedisClient
from adapters.redis.lockout import RedisLockout
from adapters.redis.progress import ProgressChannel
from adapters.redis.rate_counter import RedisRateCounter
from adapters.redis.session_store import RedisSessionStore
from adapters.schemas.validator import JsonSchemaValidator
from adapters.services import Services
from adapters.settings import Settings
from adapters.statistics.experiments import ScipyStatistics
from adapters.telemetry.metrics import Metrics
from adapters.webhooks import webhook_ports
from application.access import KeyAuthenticator
from application.aggregates import Recorder
from application.bus import Bus
from application.codec import EventCodec
from application.credentials import CredentialCheck
from application.current import CurrentStates
from application.event_store import StoredEvent
from application.executor import Executor
from application.experiments.exposures import Exposures
from application.experiments.running import RunningExperiments
from application.flags import CurrentFlags
from application.flags.flag_sets import FlagSets
from application.flags.unleash_view import UnleashViews
from application.flags.usage import UsageCounts
from application.history import History
from application.last_seen import SESSION_KIND, LastSeen
from application.letter_limit import LetterLimit
from application.limits import RateLimiter
from application.lockout import Lockout
from application.mail import Letters
from application.memberships import Standings
from application.patient_lockout import PatientLockout
from application.personal_data import People, forgetting
from application.personal_export import ExportLimit
from application.pipeline import Pipeline
from application.schemas import CurrentSchemas
from application.session_store import LONGEST, Rebuilds, SessionStore
from application.sessions import LoggedSessions, ends_in
from application.signing_in import SessionOpener
from application.tail import Tail

log = structlog.get_logger(__name__)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


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
    vault: PostgresVault
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


@asynccontextmanager
async def open_platform(
    settings: Settings,
    *,
    hasher: Argon2Hasher | None = None,
    executor: Executor | None = None,
    lockout: Lockout | None = None,
    clock: Callable[[], datetime] = now,
    metrics: Metrics | None = None,
    draining: Draining | None = None,
) -> AsyncIterator[Platform]:
    """Open everything that every process needs; each keyword stands for a port.

    Raises:
        Outage: when Postgres does not answer. Redis may come later.
        SchemaTooOld, SchemaTooNew: when the database's schema is not this program's.
        BadMasterKey: when the master key is missing or another one.
    """
    async with AsyncExitStack() as stack:
        metrics = metrics or Metrics(settings.metrics_dir)
        entries = stack.enter_context(opened_entries(settings))  # closed when nothing runs any more
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
        codec = EventCodec(DECIDERS, vault, UPCASTS)
        pipeline = Pipeline(store, codec, new_id)
        current, progress = CurrentStates(pipeline), ProgressChannel(redis, settings.redis_url)
        read_models = PostgresReadModels(readers, PROJECTIONS, progress, store.incarnation)
        counter = RedisRateCounter(redis, master.subject_hash())
        limiter = RateLimiter(
            current=current,
            counter=counter,
            on_open=lambda name: metrics.limiter_open.labels(name).inc(),
        )
        last_seen = PostgresLastSeen(
            appenders, readers, now=clock, interval=seen_interval(settings.session_idle)
        )
        stack.push_async_callback(last_seen.aclose)
        source = LoggedSessions(ReadOpenSessions(read_models, last_seen, clock), store, codec)
        sessions, rebuilds = _sessions(
            stack, redis, store, source, last_seen, settings, clock, metrics
        )
        if hasher is None:
            hasher = _hasher(settings)
            stack.callback(hasher.close)
        if executor is None:
            executor = await stack.enter_async_context(opened_executor(settings, clock))
        lockout = lockout or PatientLockout(RedisLockout(redis, master.subject_hash()))
        tail, mailer = _tail(store, current, background), mailer_of(settings)
        tail.on_events(forgetting(vault, current))
        cache = open_cache(entries, tail)
        flag_sets, contexts = FlagSets(ReadFlags(read_models), store, codec, tail), Contexts(clock)
        usage, hashes, schemas = UsageCounts(new_id), SubjectHashes(master), JsonSchemaValidator()
        exposures = Exposures(hashes, now=clock, new_id=new_id)
        log_reader = await stack.enter_async_context(opened_reader(settings))
        letters = Letters(settings.public_url, master.name_hash(), new_id, clock)
        services = Services(
            settings=settings,
            current=current,
            flags=CurrentFlags(flag_sets, contexts, usage),
            flag_sets=flag_sets,
            flag_context=contexts,
            flag_usage=usage,
            recorded_contexts=recorded_contexts(redis, master, settings),
            experiments=RunningExperiments(ReadExperiments(read_models), store, codec, tail),
            exposures=exposures,
            subject_hash=hashes,
            statistics=ScipyStatistics(),
            unleash_views=UnleashViews(),
            limiter=limiter,
            schemas=schemas,
            registry=CurrentSchemas(current, schemas),
            live_log=live_log(settings.database_url, store, readers, codec),
            backups=opened_backups(
                settings,
                lambda: master,
                RedisBackupBoard(redis, lambda: store.incarnation),
                DECIDERS,
                UPCASTS,
                clock,
            ),
            cache=cache.loads,
            logs=opened_logs(settings, current, cache.loads, log_reader),
            hasher=hasher,
            check_credentials=_credential_check(settings, hasher, lockout, master, clock),
            tokens=opened_tokens(current, settings.origin, now=clock, new_id=new_id),
            open_session=SessionOpener(
                sessions, new_session_token, settings.session_ttl, clock, new_id
            ),
            lockout=lockout,
            sessions=sessions,
            last_seen=last_seen,
            email_hash=master.name_hash(),
            executor=executor,
            courier=await stack.enter_async_context(opened_couriers(settings, mailer, clock)),
            mailer=mailer,
            vault=vault,
            people=People(store, codec, master.name_hash()),
            letters=letters,
            letter_limit=LetterLimit(counter),
            export_limit=ExportLimit(counter),
            second_factor=opened_second_factor(master, letters, now=clock, new_id=new_id),
            webhooks=webhook_ports(master, redis, store, codec),
            new_token=new_session_token,
            now=clock,
            new_id=new_id,
        )
        counting = opened_recorder([usage, exposures], pipeline, settings, clock)
        yield Platform(
            settings=settings,
            metrics=metrics,
            draining=draining or Draining(),
            background=background,
            master=master,
            readers=readers,
            redis=redis,
            progress=progress,
            store=store,
            codec=codec,
            pipeline=pipeline,
            current=current,
            tail=tail,
            read_models=read_models,
            history=PostgresHistory(readers),
            sessions=sessions,
            rebuilds=rebuilds,
            last_seen=last_seen,
            limiter=limiter,
            idempotency=KeyedAnswers(master),
            vault=vault,
            cache=cache,
            services=services,
            recorder=await stack.enter_async_context(counting),
            bus=Bus(pipeline, handlers(services)),
            keys=KeyAuthenticator(current, clock),
            standings=Standings(current),
            now=clock,
            new_id=new_id,
        )


async def _pool(stack: AsyncExitStack, settings: Settings, role: str) -> Pool:
    pool = await open_pool(settings.database_url, role=role, name=role)
    stack.callback(pool.terminate)
    return pool


def _hasher(settings: Settings) -> Argon2Hasher:
    return Argon2Hasher(
        memory_kib=settings.argon2_memory_kib,
        iterations=settings.argon2_iterations,
        lanes=settings.argon2_lanes,
    )


def _credential_check(
    settings: Settings,
    hasher: Argon2Hasher,
    lockout: Lockout,
    master: MasterKey,
    clock: Callable[[], datetime],
) -> CredentialCheck:
    return CredentialCheck(
        hasher,
        lockout,
        master.name_hash(),
        clock,
        verified_only=settings.accounts_verify == "required",
    )


def _tail(store: PostgresEventStore, current: CurrentStates, background: Background) -> Tail:
    """The log's tail, which drops kept states as they move."""
    tail = Tail(store)

    def moved(events: Sequence[StoredEvent]) -> None:
        for event in events:
            current.moved((event.tenant, event.stream), event.version)

    tail.on_events(moved)
    tail.on_replaced(lambda _: background.fail(REPLACED))
    return tail


def _sessions(
    stack: AsyncExitStack,
    redis: RedisClient,
    store: PostgresEventStore,
    source: LoggedSessions,
    last_seen: LastSeen,
    settings: Settings,
    clock: Callable[[], datetime],
    metrics: Metrics,
) -> tuple[SessionStore, Rebuilds]:
    """The sessions in Redis, which ask to be rebuilt from the log when they are lost."""

    def ask() -> None:
        metrics.sessions_rebuilt.inc()
        rebuilds.ask()

    sessions = RedisSessionStore(
        redis,
        incarnation=lambda: store.incarnation,
        on_lost=ask,
        on_seen=lambda session: last_seen.saw(SESSION_KIND, session),
        idle=settings.session_idle,
        longest=max(LONGEST, settings.session_ttl),
        clock=clock,
    )
    rebuilds = Rebuilds(
        sessions,
        source,
        lambda failure: log.warning("sessions_rebuild_failed", error=type(failure).__name__),
    )
    stack.push_async_callback(rebuilds.aclose)
    return sessions, rebuilds
