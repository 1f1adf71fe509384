"""Which experiments run, kept in the process: what an evaluation looks at to know whom it exposes.

A tenant's are read when it is first asked for and follow the log from then on. While they cannot be
read nobody is counted as exposed; evaluations go on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec
import structlog

from application.catching_up import changes_since
from application.codec import EventCodec
from application.event_store import EventStore, ForeignIncarnation, Outage, StoredEvent
from application.tail import Tail
from domain.experiments.design import EXPERIMENT, Experiment, ExperimentStarted, ExperimentStopped

log = structlog.get_logger(__name__)

PAUSE = 1.0
"""Seconds before what could not be read is read again."""

_MINE = f"{EXPERIMENT.category}/"
_STARTED = str(ExperimentStarted.__struct_config__.tag)
_STOPPED = str(ExperimentStopped.__struct_config__.tag)


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is on."""

    experiment: str
    run: int
    flag: str
    environment: str
    variants: frozenset[str]


class RunningRows(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's runs, as they were at a position of the log."""

    position: int
    incarnation: UUID
    running: Sequence[Running]


class KnownExperiments(Protocol):
    """The read model of experiments."""

    async def running(self, tenant: str) -> RunningRows:
        """The runs of one tenant that are on.

        Raises:
            Outage: when it does not answer or is being built.
        """
        ...


Watched = Mapping[str, tuple[Running, ...]]
"""The runs of one environment, by flag."""

_NOTHING: Watched = {}


class _Runs:
    """The runs of one tenant, by experiment, and arranged for who evaluates."""

    def __init__(self) -> None:
        self.by_key: dict[str, tuple[int, Running | None]] = {}
        self.watched: dict[str, dict[str, tuple[Running, ...]]] = {}

    def learn(self, key: str, run: int, running: Running | None) -> None:
        """The newest of a run: that it is on, or over."""
        known = self.by_key.get(key)
        if known is not None and (known[0] > run or (known[0] == run and known[1] is None)):
            return
        self.by_key[key] = (run, running)
        self.watched = {}
        for _, each in self.by_key.values():
            if each is not None:
                flags = self.watched.setdefault(each.environment, {})
                flags[each.flag] = (*flags.get(each.flag, ()), each)


class RunningExperiments:
    """All runs that are on, of the tenants that were asked for in this process."""

    def __init__(
        self, known: KnownExperiments, store: EventStore, codec: EventCodec, tail: Tail
    ) -> None:
        """Follow the log's tail."""
        self._known = known
        self._store = store
        self._codec = codec
        self._tail = tail
        self._tenants: dict[str, _Runs] = {}
        self._loading = asyncio.Lock()
        self._not_before = 0.0
        tail.on_events(self._moved)

    def watched(self, tenant: str, environment: str) -> Watched:
        """What runs in an environment; nothing until `ready` has read it."""
        runs = self._tenants.get(tenant)
        return _NOTHING if runs is None else runs.watched.get(environment, _NOTHING)

    async def ready(self, tenant: str) -> None:
        """Read a tenant's runs, unless they are kept or cannot be read now."""
        if tenant in self._tenants:
            return
        loop = asyncio.get_running_loop()
        async with self._loading:
            if tenant in self._tenants or loop.time() < self._not_before:
                return
            try:
                self._tenants[tenant] = await self._read(tenant)
            except (Outage, ForeignIncarnation) as error:
                self._not_before = loop.time() + PAUSE
                log.warning("experiments_not_known", error=type(error).__name__)

    def learn(self, tenant: str, key: str, experiment: Experiment) -> None:
        """What this process has just recorded, before the log's tail tells it."""
        runs = self._tenants.get(tenant)
        if runs is not None and experiment.run:
            runs.learn(key, experiment.run, running_of(key, experiment))

    async def _read(self, tenant: str) -> _Runs:
        rows = await self._known.running(tenant)
        runs = _Runs()
        for each in rows.running:
            runs.learn(each.experiment, each.run, each)
        position = rows.position
        while True:
            events, position = await changes_since(
                position, rows.incarnation, store=self._store, codec=self._codec, read=_of_runs
            )
            for event in events:
                if event.tenant == tenant:
                    _apply(runs, event)
            if position >= self._tail.position:  # the tail has not passed meanwhile
                return runs

    def _moved(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            runs = self._tenants.get(event.tenant)
            if runs is not None and event.stream.startswith(_MINE):
                _apply(runs, event)


def running_of(key: str, experiment: Experiment) -> Running | None:
    """The run of an experiment, if it is on."""
    if not experiment.running:
        return None
    design = experiment.design
    return Running(
        experiment=key,
        run=experiment.run,
        flag=design.flag,
        environment=design.environment,
        variants=frozenset(design.variants),
    )


async def _of_runs(events: Sequence[StoredEvent], _codec: EventCodec) -> list[StoredEvent]:
    return [event for event in events if event.stream.startswith(_MINE)]


def _apply(runs: _Runs, stored: StoredEvent) -> None:
    """An event of an experiment; neither of these has a field that is sealed."""
    key = stored.stream.removeprefix(_MINE)
    if stored.type == _STARTED:
        started = msgspec.json.decode(stored.data, type=_Started)
        running = Running(
            experiment=key,
            run=started.run,
            flag=started.flag,
            environment=started.environment,
            variants=frozenset(started.variants),
        )
        runs.learn(key, started.run, running)
    elif stored.type == _STOPPED:
        runs.learn(key, msgspec.json.decode(stored.data, type=_Stopped).run, None)


class _Started(msgspec.Struct):
    run: int
    flag: str
    environment: str
    variants: tuple[str, ...]


class _Stopped(msgspec.Struct):
    run: int
