"""One try of a command: what it has loaded, what it decides, and what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from application.context import Context
from application.event_store import Claim, Guard, Settlement, StreamName
from application.positions import Position
from application.states import Folded
from domain.decider import Decider, Event
from domain.rejections import Forbidden, NotFound, Rejection, StaleVersion, Unauthenticated

S = TypeVar("S")
C = TypeVar("C")
R = TypeVar("R")


_HIDES = (Unauthenticated, Forbidden, NotFound)


class Done(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """A command that was carried out.

    `position` is where its events end (the log's tail, if there were none), `version` the
    version of the first stream that it decided on.
    """

    result: R
    position: Position
    version: int


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A command that was answered before, under the same key: the sealed answer."""

    sealed: bytes
    position: Position


class EffectGone(Exception):  # noqa: N818 - a fact, not a fault
    """Another process has claimed or settled this attempt of an effect."""


@dataclass
class Loaded:
    """A stream in a try: as it was found (`fresh`: read just now), and what is to be written."""

    decider: Decider[Any, Any, Any]
    stream: StreamName
    version: int
    state: Any
    fresh: bool
    events: list[Event]


class Loader(Protocol):
    """Where a try gets states from."""

    async def load(self, decider: Decider[Any, Any, Any], stream: StreamName) -> Loaded:
        """The state of a stream, kept or read."""
        ...


class Unit:
    """One try of a command: what it has loaded and what it wants to write.

    Every stream that was loaded and not written becomes a guard only where `guard` asked for it.
    """

    def __init__(self, loader: Loader, context: Context) -> None:
        """Made by the pipeline, once per try."""
        self.context = context
        self._loader = loader
        self._loaded: dict[StreamName, Loaded] = {}
        self._guards: set[StreamName] = set()
        self._addressed: Loaded | None = None
        self._stale: StaleVersion | None = None
        self.keeps_answer = False
        self.claim: Claim | None = None
        self.settlement: Settlement | None = None

    async def load(self, decider: Decider[S, Any, Any], id_: str) -> S:
        """The state of a stream; later decisions of this unit are already in it."""
        return (await self._load(decider, id_)).state  # type: ignore[no-any-return]

    async def watch(self, decider: Decider[S, Any, Any], id_: str) -> S:
        """As `guard`, for what is no part of the command: the first stream is another one."""
        loaded = await self._find(decider, id_)
        self._guards.add(loaded.stream)
        return loaded.state  # type: ignore[no-any-return]

    def assume(self, decider: Decider[Any, Any, Any], id_: str, kept: Folded) -> None:
        """Take a state that is kept elsewhere for a stream's, unless the unit has loaded it.

        As with every kept state, the append finds out where it is old.
        """
        stream = (self.context.tenant_of(system=decider.system), decider.stream(id_))
        if stream not in self._loaded:
            self._keep(Loaded(decider, stream, kept.version, kept.state, fresh=False, events=[]))

    async def guard(self, decider: Decider[S, Any, Any], id_: str) -> S:
        """Load a stream and insist that it has not changed when the events are recorded."""
        loaded = await self._load(decider, id_)
        self._guards.add(loaded.stream)
        return loaded.state  # type: ignore[no-any-return]

    async def decide(self, decider: Decider[S, C, Any], id_: str, command: C) -> S:
        """Let a stream answer a command; its events are recorded when the unit ends.

        Raises:
            Rejection: what the decider refuses.
        """
        return self._decide(await self._load(decider, id_), command)  # type: ignore[no-any-return]

    def begin(self, decider: Decider[S, C, Any], id_: str, command: C) -> S:
        """As `decide`, for a stream whose id was made just now: there is nothing to read yet.

        That the stream is new is checked when its events are recorded.

        Raises:
            Rejection: what the decider refuses.
        """
        stream = (self.context.tenant_of(system=decider.system), decider.stream(id_))
        loaded = Loaded(decider, stream, 0, decider.initial, fresh=True, events=[])
        self._keep(loaded)
        return self._decide(loaded, command)  # type: ignore[no-any-return]

    def _decide(self, loaded: Loaded, command: Any) -> Any:
        events = loaded.decider.decide(loaded.state, command)
        loaded.events.extend(events)
        loaded.state = loaded.decider.fold(events, loaded.state)
        return loaded.state

    def keep_answer(self) -> None:
        """Keep the answer under whichever key it has, although nothing may be recorded.

        For what was bought dearly, or is not to be told from what has recorded something.
        """
        self.keeps_answer = True

    def version(self, decider: Decider[Any, Any, Any], id_: str) -> int:
        """The version that a loaded stream will have when this unit is recorded."""
        tenant = self.context.tenant_of(system=decider.system)
        loaded = self._loaded[tenant, decider.stream(id_)]
        return loaded.version + len(loaded.events)

    async def _load(self, decider: Decider[Any, Any, Any], id_: str) -> Loaded:
        loaded = await self._find(decider, id_)
        self._keep(loaded)
        return loaded

    async def _find(self, decider: Decider[Any, Any, Any], id_: str) -> Loaded:
        stream = (self.context.tenant_of(system=decider.system), decider.stream(id_))
        loaded = self._loaded.get(stream)
        if loaded is None:
            loaded = self._loaded[stream] = await self._loader.load(decider, stream)
        return loaded

    def _keep(self, loaded: Loaded) -> None:
        self._loaded[loaded.stream] = loaded
        if self._addressed is not None:
            return
        self._addressed = loaded
        if self.context.if_match not in (None, loaded.version):
            self._stale = StaleVersion(f"The current version is {loaded.version}; read it again.")

    def insist(self) -> None:
        """Refuse what was decided where the caller has seen another version of the first stream.

        Raises:
            StaleVersion: naming the current one.
        """
        if self._stale is not None:
            raise self._stale

    def refusal(self, rejection: Rejection) -> Rejection:
        """What to refuse with: a thing that is not the caller's has no version to tell of."""
        if self._stale is None or isinstance(rejection, _HIDES):
            return rejection
        return self._stale

    @property
    def loaded(self) -> Iterable[Loaded]:
        """What was loaded, in order."""
        return self._loaded.values()

    def asked_guards(self) -> tuple[Guard, ...]:
        """The streams that `guard` named and nothing is written to."""
        return tuple(
            _guard(each)
            for each in self._loaded.values()
            if not each.events and each.stream in self._guards
        )

    def all_guards(self) -> tuple[Guard, ...]:
        """Every stream that was loaded, as it was found."""
        return tuple(_guard(each) for each in self._loaded.values())

    @property
    def final_version(self) -> int:
        """The version of the first stream, as it will be when this is recorded; 0 without any."""
        first = self._addressed
        return 0 if first is None else first.version + len(first.events)

    @property
    def writes_nothing(self) -> bool:
        """Whether there is neither an event nor a claim or settlement to record."""
        decided = any(each.events for each in self._loaded.values())
        return not decided and self.claim is None and self.settlement is None


def _guard(loaded: Loaded) -> Guard:
    tenant, stream = loaded.stream
    return Guard(tenant=tenant, stream=stream, expected=loaded.version)
