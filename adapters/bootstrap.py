"""The composition root: opens what is needed, wires it, and closes it again.

API, projector, worker, scheduler and CLI are entry points over the same platform. Every port is an
optional keyword, so that a test can pass another one; nothing opens at import.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from adapters.capabilities import DECIDERS, UPCASTS, handlers
from adapters.clock import now
from adapters.crypto.idempotency import KeyedAnswers
from adapters.crypto.ids import new_id
from adapters.crypto.passwords import Argon2Hasher
from adapters.crypto.tokens import new_session_token
from adapters.egress.couriers import opened_couriers
from adapters.egress.mail import mailer_of
from adapters.egress.open import opened_executor
from adapters.foundation import Foundation
from adapters.http.draining import Draining
from adapters.open_accounts import credential_check, open_lockout, opened_hasher
from adapters.open_backups import opened_backups
from adapters.open_cache import OpenCache, open_cache, opened_entries
from adapters.open_experiments import ReadExperiments, SubjectHashes
from adapters.open_flags import Contexts, ReadFlags, recorded_contexts
from adapters.open_foundation import open_foundation
from adapters.open_logs import opened_logs, opened_reader
from adapters.open_recorder import opened_recorder
from adapters.open_restores import live_log
from adapters.open_second_factors import opened_second_factor
from adapters.open_sessions import KeptSessions, opened_sessions
from adapters.open_tokens import opened_tokens
from adapters.platform import Platform
from adapters.postgres.history import PostgresHistory
from adapters.redis.backup_board import RedisBackupBoard
from adapters.redis.rate_counter import RedisRateCounter
from adapters.schemas.validator import JsonSchemaValidator
from adapters.services import Services
from adapters.settings import Settings
from adapters.statistics.experiments import ScipyStatistics
from adapters.telemetry.metrics import Metrics
from adapters.webhooks import webhook_ports
from application.access import KeyAuthenticator
from application.bus import Bus
from application.executor import Executor
from application.experiments.exposures import Exposures
from application.experiments.running import RunningExperiments
from application.flags import CurrentFlags
from application.flags.flag_sets import FlagSets
from application.flags.unleash_view import UnleashViews
from application.flags.usage import UsageCounts
from application.letter_limit import LetterLimit
from application.limits import RateLimiter
from application.lockout import Lockout
from application.mail import Letters
from application.memberships import Standings
from application.personal_data import People
from application.personal_export import ExportLimit
from application.schemas import CurrentSchemas
from application.signing_in import SessionOpener


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
        foundation = await open_foundation(stack, settings, metrics, clock)
        sessions = await stack.enter_async_context(opened_sessions(foundation))
        cache = open_cache(entries, foundation.tail)
        services = await _services(
            stack, foundation, sessions, cache, hasher=hasher, executor=executor, lockout=lockout
        )
        recorder = await stack.enter_async_context(
            opened_recorder(
                [services.flag_usage, services.exposures], foundation.pipeline, settings, clock
            )
        )
        yield Platform(
            settings=settings,
            metrics=metrics,
            draining=draining or Draining(),
            background=foundation.background,
            master=foundation.master,
            readers=foundation.readers,
            redis=foundation.redis,
            progress=foundation.progress,
            store=foundation.store,
            codec=foundation.codec,
            pipeline=foundation.pipeline,
            current=foundation.current,
            tail=foundation.tail,
            read_models=foundation.read_models,
            history=PostgresHistory(foundation.readers),
            sessions=sessions.store,
            rebuilds=sessions.rebuilds,
            last_seen=sessions.last_seen,
            limiter=services.limiter,
            idempotency=KeyedAnswers(foundation.master),
            cache=cache,
            services=services,
            recorder=recorder,
            bus=Bus(foundation.pipeline, handlers(services)),
            keys=KeyAuthenticator(foundation.current, clock),
            standings=Standings(foundation.current),
            now=clock,
            new_id=new_id,
        )


async def _services(
    stack: AsyncExitStack,
    foundation: Foundation,
    sessions: KeptSessions,
    cache: OpenCache,
    *,
    hasher: Argon2Hasher | None,
    executor: Executor | None,
    lockout: Lockout | None,
) -> Services:
    """The ports of capabilities, by the name of their role."""
    settings, master, current = foundation.settings, foundation.master, foundation.current
    store, codec, tail, clock = foundation.store, foundation.codec, foundation.tail, foundation.now
    redis, read_models, metrics = foundation.redis, foundation.read_models, foundation.metrics
    hasher = hasher or stack.enter_context(opened_hasher(settings))
    if executor is None:
        executor = await stack.enter_async_context(opened_executor(settings, clock))
    lockout = lockout or open_lockout(foundation)
    mailer = mailer_of(settings)
    letters = Letters(settings.public_url, master.name_hash(), new_id, clock)
    counter = RedisRateCounter(redis, master.subject_hash())
    flag_sets = FlagSets(ReadFlags(read_models), store, codec, tail)
    contexts, usage, hashes = Contexts(clock), UsageCounts(new_id), SubjectHashes(master)
    schemas = JsonSchemaValidator()
    log_reader = await stack.enter_async_context(opened_reader(settings))
    return Services(
        settings=settings,
        current=current,
        flags=CurrentFlags(flag_sets, contexts, usage),
        flag_sets=flag_sets,
        flag_context=contexts,
        flag_usage=usage,
        recorded_contexts=recorded_contexts(redis, master, settings),
        experiments=RunningExperiments(ReadExperiments(read_models), store, codec, tail),
        exposures=Exposures(hashes, now=clock, new_id=new_id),
        subject_hash=hashes,
        statistics=ScipyStatistics(),
        unleash_views=UnleashViews(),
        limiter=RateLimiter(
            current=current,
            counter=counter,
            on_open=lambda name: metrics.limiter_open.labels(name).inc(),
        ),
        schemas=schemas,
        registry=CurrentSchemas(current, schemas),
        live_log=live_log(settings.database_url, store, foundation.readers, codec),
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
        check_credentials=credential_check(foundation, hasher, lockout),
        tokens=opened_tokens(current, settings.origin, now=clock, new_id=new_id),
        open_session=SessionOpener(
            sessions.store, new_session_token, settings.session_ttl, clock, new_id
        ),
        sessions=sessions.store,
        last_seen=sessions.last_seen,
        email_hash=master.name_hash(),
        executor=executor,
        courier=await stack.enter_async_context(opened_couriers(settings, mailer, clock)),
        mailer=mailer,
        vault=foundation.vault,
        people=People(store, codec, master.name_hash()),
        letters=letters,
        letter_limit=LetterLimit(counter),
        export_limit=ExportLimit(counter),
        second_factor=opened_second_factor(master, letters, now=clock, new_id=new_id),
        webhooks=webhook_ports(master, redis, store, codec),
        now=clock,
        new_id=new_id,
    )
