"""Definitions as they are now, kept in process and invalidated by event.

Flags, limits, actions and API keys are read on every request and changed seldom. A process folds
each once and drops it when the tail of the log brings a newer version, so what it answers is at
most the tail's delay behind. While the log does not answer, what is kept goes on to serve.
"""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from application.event_store import StreamName
from application.pipeline import Pipeline
from application.unit import Unit
from domain.decider import Decider
from domain.recorded import DEFAULT_TENANT, SYSTEM_TENANT

S = TypeVar("S")


class States(Protocol):
    """Tells the states of streams, whoever keeps them."""

    async def get(self, decider: Decider[S, Any, Any], id_: str, tenant: str = DEFAULT_TENANT) -> S:
        """A stream's state, the initial one where there is no such stream.

        Raises:
            Outage: when it is not kept and the log does not answer.
        """
        ...


@dataclass(frozen=True)
class WatchedStates:
    """States as a unit finds them, in its tenant: they stay so until the unit is recorded."""

    unit: Unit

    async def get(self, decider: Decider[S, Any, Any], id_: str, tenant: str = DEFAULT_TENANT) -> S:
        """See `States`."""
        assert decider.system or tenant == self.unit.context.tenant  # noqa: S101 - see above
        return await self.unit.watch(decider, id_)


class CurrentStates:
    """The current state of any stream, for reading; decisions go through the pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Share the pipeline's kept states."""
        self._pipeline = pipeline

    async def get(self, decider: Decider[S, Any, Any], id_: str, tenant: str = DEFAULT_TENANT) -> S:
        """A stream's state, the initial one where there is no such stream.

        Raises:
            Outage: when it is not kept and the log does not answer.
        """
        name = (SYSTEM_TENANT if decider.system else tenant, decider.stream(id_))
        kept = self._pipeline.cache.get(name)
        if kept is not None:
            return kept.state  # type: ignore[no-any-return]
        return (await self._pipeline.load(decider, name)).state  # type: ignore[no-any-return]

    async def anew(
        self, decider: Decider[S, Any, Any], id_: str, tenant: str = DEFAULT_TENANT
    ) -> S:
        """A stream's state as the log has it now, before its tail has told.

        Raises:
            Outage: when the log does not answer; what was kept is forgotten then.
        """
        name = (SYSTEM_TENANT if decider.system else tenant, decider.stream(id_))
        self._pipeline.cache.drop(name)
        return (await self._pipeline.load(decider, name)).state  # type: ignore[no-any-return]

    async def at_version(
        self, decider: Decider[S, Any, Any], id_: str, version: int, tenant: str = DEFAULT_TENANT
    ) -> S:
        """A stream's state as it was at a version of it.

        Raises:
            Outage: when the log does not answer.
        """
        name = (SYSTEM_TENANT if decider.system else tenant, decider.stream(id_))
        folded = await self._pipeline.fold(decider, name, at_version=version)
        return folded.state  # type: ignore[no-any-return]

    def keeps(self, decider: Decider[Any, Any, Any], id_: str, tenant: str) -> bool:
        """Whether a stream's state is kept, so that to load it costs nothing."""
        return self._pipeline.cache.get((tenant, decider.stream(id_))) is not None

    def drop(self) -> None:
        """Drop everything: a key was destroyed, and what it opened is not to be known any more."""
        self._pipeline.cache.clear()

    def moved(self, stream: StreamName, version: int) -> None:
        """The log's tail has brought an event: drop what is older."""
        self._pipeline.cache.moved(stream, version)
