"""Reactions: what must follow from an event, as a pure function.

A reaction asks for commands, which the bus executes under a key made of reaction and event, or
for an effect on the outside world, which a worker carries out (see `application.effects`). Either
follows exactly once however often the event is read again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from domain.decider import Event
from domain.recorded import DEFAULT_TENANT, Recorded


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """Let the outside world change, by the handler of this kind; `due_at` None means at once."""

    kind: str
    due_at: datetime | None = None


class Do(msgspec.Struct, frozen=True, kw_only=True):
    """Execute a command in a tenant. That it is refused is an answer and stops nothing."""

    command: object
    tenant: str = DEFAULT_TENANT


FollowUp = Effect | Do


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """What follows from some types of events.

    `name` is permanent: it names the reaction's checkpoint and its effects. `react` is pure and
    gives at most one effect per event, and its commands always in the same order. A new reaction
    begins at the end of the log; with `from_start` at its beginning.
    """

    name: str
    handles: tuple[type[Event], ...]
    react: Callable[[Recorded[Any]], Sequence[FollowUp]]
    from_start: bool = False

    @property
    def actor(self) -> str:
        """The actor of what follows."""
        return f"reaction/{self.name}"

    @property
    def event_types(self) -> frozenset[str]:
        """The wire names of what it handles."""
        return frozenset(str(type_.__struct_config__.tag) for type_ in self.handles)

    def follow(self, recorded: Recorded[Any]) -> tuple[list[Do], Effect | None]:
        """The commands and the one effect that follow from an event.

        Raises:
            ValueError: when the reaction asks for more than one effect.
        """
        follow_ups = self.react(recorded)
        commands = [each for each in follow_ups if isinstance(each, Do)]
        effects = [each for each in follow_ups if isinstance(each, Effect)]
        if len(effects) > 1:
            raise ValueError(f"the reaction {self.name} gives two effects for one event")
        return commands, effects[0] if effects else None
