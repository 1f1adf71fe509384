"""What commands work on: the log and its read models, and no more of the platform than that.

Neither the API nor Redis needs to run. The master key is only read where something sealed is to be
opened or written, and is never made here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.capabilities import DECIDERS, PROJECTIONS, UPCASTS
from adapters.cli.running import Invocation, actor
from adapters.clock import now
from adapters.crypto.fields import FieldCipher
from adapters.crypto.ids import new_id
from adapters.crypto.master import load_master_key
from adapters.crypto.vault import PostgresVault
from adapters.embedded.services import with_embedded_urls
from adapters.postgres.connect import Connection, Pool, close, connect, open_pool
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.history import PostgresHistory
from adapters.postgres.read_models import PostgresReadModels
from adapters.settings import Settings
from adapters.startup import CannotStart
from adapters.wiring.jobs import job_handlers
from adapters.wiring.projections import projection_handlers
from application.access import SetOwner, SetOwnerHandler
from application.bus import Bus
from application.codec import EventCodec
from application.context import Context
from application.pipeline import Pipeline
from application.progress import LocalProgress
from application.vault import KeyOwner
from domain.recorded import DEFAULT_TENANT

_PATIENCE = 30.0  # seconds for one command


@dataclass(frozen=True, kw_only=True)
class OpenLog:
    """The log as commands use it; names are those of the composition root's platform."""

    settings: Settings
    readers: Pool
    store: PostgresEventStore
    codec: EventCodec
    pipeline: Pipeline
    bus: Bus
    history: PostgresHistory
    read_models: PostgresReadModels
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def context(self, tenant: str = DEFAULT_TENANT) -> Context:
        """The circumstances of one command of the person at the terminal."""
        return Context(
            actor=actor(),
            tenant=tenant,
            correlation_id=self.new_id(),
            deadline=asyncio.get_running_loop().time() + _PATIENCE,
        )


class LateVault:
    """`Vault` that reads the master key when it is first needed."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        """`pool` acts as annals_appender."""
        self._settings = settings
        self._pool = pool
        self._opened: PostgresVault | None = None

    async def keys(
        self, owners: Collection[KeyOwner], *, create: bool
    ) -> Mapping[KeyOwner, FieldCipher | None]:
        """See `Vault.keys`.

        Raises:
            BadMasterKey: when its file cannot be used, or another one made this log's keys.
        """
        return await (await self._vault()).keys(owners, create=create)

    async def destroy(self, owner: KeyOwner) -> None:
        """See `Vault.destroy`. Raises as `keys` does."""
        await (await self._vault()).destroy(owner)

    async def _vault(self) -> PostgresVault:
        if self._opened is None:
            master = load_master_key(self._settings.master_key_file, create=False)
            vault = PostgresVault(self._pool, master)
            await vault.check()  # before anything is sealed with a key that nobody has
            self._opened = vault
        return self._opened


def located(settings: Settings) -> Settings:
    """The settings with the database of a running `annals up`, where none is named.

    Raises:
        CannotStart: when there is none, or its password may not be read.
    """
    try:
        found = with_embedded_urls(settings)
    except OSError as error:
        raise CannotStart(f"{settings.data_dir} cannot be read: {error.strerror}") from None
    if not found.database_url:
        raise CannotStart(
            f"there is no platform in {settings.data_dir}: start one with `annals up`, name its "
            "directory with --data-dir, or set DATABASE_URL"
        )
    return found


@asynccontextmanager
async def open_log(invocation: Invocation) -> AsyncIterator[OpenLog]:
    """Open the log for one command.

    Raises:
        CannotStart: when it is not known where the database is.
        Outage: when it does not answer.
        SchemaTooOld, SchemaTooNew: when its schema is not this program's.
    """
    settings = located(invocation.settings)
    async with AsyncExitStack() as stack:
        store = await PostgresEventStore.open(settings.database_url, readers=2)
        stack.push_async_callback(store.aclose)
        readers = await open_pool(settings.database_url, role="annals_reader", name="annals cli")
        stack.callback(readers.terminate)
        keys = await open_pool(
            settings.database_url, role="annals_appender", min_size=0, name="annals cli"
        )
        stack.callback(keys.terminate)
        codec = EventCodec(DECIDERS, LateVault(settings, keys), UPCASTS)
        pipeline = Pipeline(store, codec, new_id)
        yield OpenLog(
            settings=settings,
            readers=readers,
            store=store,
            codec=codec,
            pipeline=pipeline,
            bus=_bus(pipeline),
            history=PostgresHistory(readers),
            read_models=PostgresReadModels(
                readers, PROJECTIONS, LocalProgress(), store.incarnation
            ),
            now=now,
            new_id=new_id,
        )


@asynccontextmanager
async def open_as_owner(log: OpenLog) -> AsyncIterator[Connection]:
    """A connection that may make and drop read models' tables. Raises `Outage` as `connect`."""
    url = log.settings.database_url
    connection = await connect(url, role="annals_owner", name="annals cli")
    try:
        yield connection
    finally:
        await close(connection)


def _bus(pipeline: Pipeline) -> Bus:
    owner = SetOwnerHandler(now=now)
    return Bus(pipeline, {SetOwner: owner, **job_handlers(), **projection_handlers()})
