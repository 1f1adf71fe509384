"""The bus: hands each command to the handler of its type, and keeps nothing between calls."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from application.context import Context
from application.lanes import Lanes
from application.pipeline import Answered, Pipeline
from application.unit import Done, Replay, Unit
from domain.decider import Decider
from domain.rejections import Rejection

S = TypeVar("S")
R = TypeVar("R")
C_contra = TypeVar("C_contra", contravariant=True)


class Run:
    """What a handler decides through: the pipeline, bound to one command's context."""

    def __init__(self, pipeline: Pipeline, context: Context) -> None:
        """Made by the bus, once per command; `answered`: the key is the pipeline's business."""
        self._pipeline = pipeline
        self.context = context
        self.answered = False

    async def __call__(
        self, decide: Callable[[Unit], Awaitable[R]], *, lanes: Iterable[tuple[Any, str]] = ()
    ) -> Done[R]:
        """Call `decide` until what it wants is recorded; `lanes` are (decider, id) pairs.

        Raises:
            Rejection: as `decide` raised it, verified against the log.
            Answered: when the idempotency key was found.
            Outage: when the log does not answer, or the deadline passed in a race.
        """
        names = [
            (self.context.tenant_of(system=decider.system), decider.stream(id_))
            for decider, id_ in lanes
        ]
        self.answered = True
        return await self._pipeline.run(decide, self.context, names)

    async def look(self, read: Callable[[Unit], Awaitable[R]]) -> R:
        """Read states without deciding: what was kept is verified against the log first."""
        done = await self._pipeline.run(read, self._aside())
        return done.result

    async def aside(
        self, decide: Callable[[Unit], Awaitable[R]], *, lanes: Iterable[tuple[Any, str]] = ()
    ) -> Done[R]:
        """Record something beside the answer, which neither claims the key nor needs a version."""
        return await Run(self._pipeline, self._aside())(decide, lanes=lanes)

    def inside(self, *, tenant: str, actor: str) -> "Run":
        """Decide for a tenant that nobody knew before something was looked up; claims no key."""
        context = msgspec.structs.replace(self._aside(), tenant=tenant, actor=actor)
        return Run(self._pipeline, context)

    def _aside(self) -> Context:
        return msgspec.structs.replace(self.context, idempotency=None, if_match=None, premise=None)


class Handler(Protocol[C_contra, R]):
    """Carries out one type of command.

    Slow preparation (a password's hash) comes first, once; then everything that depends on
    state goes through `run`, which may call its function again.
    """

    async def __call__(self, command: C_contra, run: Run, /) -> Done[R]:
        """Carry out the command."""
        ...


@dataclass(frozen=True)
class OneStream(Generic[S]):
    """The handler of a command that one stream decides alone; `id_of` names the stream."""

    decider: Decider[S, Any, Any]
    id_of: Callable[[Any], str]

    async def __call__(self, command: Any, run: Run) -> Done[S]:
        """Decide; the result is the new state."""
        id_ = self.id_of(command)

        async def decide(unit: Unit) -> S:
            return await unit.decide(self.decider, id_, command)

        return await run(decide, lanes=[(self.decider, id_)])


class Bus:
    """Hands each command to the handler of its type."""

    def __init__(self, pipeline: Pipeline, handlers: Mapping[type[Any], Handler[Any, Any]]) -> None:
        """The mapping is complete from the start."""
        self._pipeline = pipeline
        self._handlers = dict(handlers)
        self._twins = Lanes()

    async def execute(self, command: object, context: Context) -> Done[Any] | Replay:
        """Carry out a command, or give the answer that its idempotency key already has.

        Raises:
            Rejection: the command was understood and refused.
            Outage: something the platform stands on does not answer.
        """
        handler = self._handlers[type(command)]
        run = Run(self._pipeline, context)
        if context.idempotency is None:
            return await handler(command, run)
        async with self._twins.hold([(context.tenant, context.idempotency.digest)]):
            replay = await self._pipeline.find(context)
            if replay is not None:
                return replay
            try:
                return await self._keeping(handler, command, run)
            except Answered as answered:
                return answered.replay

    async def _keeping(self, handler: Handler[Any, Any], command: object, run: Run) -> Done[Any]:
        try:
            return await handler(command, run)
        except Rejection as rejection:
            if not run.answered:
                await self._pipeline.keep(rejection, run.context)
            raise
