"""What every capability is made of: events, commands, and the decider that ties them.

A decider is the pair of pure functions of the functional event-sourcing pattern (Chassaing):
`decide` answers a command with events, `evolve` folds one event into the state. Neither reads a
clock, makes an id or does I/O: what a decision needs from outside comes in with the command.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something that happened. Its tag is its permanent wire name, `<thing>.<past participle>`.

    Stream, version, position, time, actor and causation are the envelope's (`Recorded`).
    `SCHEMA` rises when the shape changes; an upcast then leads from each old shape to the next.
    `PERSON` names the field that holds the id of the person whose `Personal` fields these are;
    where it is empty, that id is the stream's.
    """

    SCHEMA: ClassVar[int] = 1
    PERSON: ClassVar[str] = ""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is asked for, complete with the ids, hashes and the time it needs."""


class Erased(msgspec.Struct, frozen=True):
    """What a personal field decodes to once the person's key has been destroyed."""


ERASED = Erased()

PERSONAL = "personal"
PRIVATE = "private"
SECRET = "secret"  # noqa: S105 - a mark, not a password

Personal = Annotated[str | Erased, msgspec.Meta(extra={"mark": PERSONAL})]
"""A text about a person: encrypted under that person's key, `Erased` once that is destroyed."""

PersonalJson = Annotated[Any, msgspec.Meta(extra={"mark": PERSONAL})]
"""Any JSON value from a person, protected as `Personal` is; `Erased` once the key is destroyed."""

Private = Annotated[str | Erased, msgspec.Meta(extra={"mark": PRIVATE})]
"""A secret of a person's: sealed as `Personal` is, and shown on no read surface of the log."""

Secret = Annotated[str, msgspec.Meta(extra={"mark": SECRET})]
"""A secret of the tenant's: encrypted under the tenant's key and shown on no read surface."""

SecretJson = Annotated[Any, msgspec.Meta(extra={"mark": SECRET})]
"""Any JSON value that is a secret, protected as `Secret` is."""

State = TypeVar("State")
C = TypeVar("C")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, kw_only=True)
class Decider(Generic[State, C, E]):
    """One kind of stream: its category, its events, and how it decides and evolves.

    `events` is the union of the event types (`FlagEvent`); streams are named
    `<category>/<id>`. `system` streams live in the system tenant whoever the caller is.
    """

    category: str
    events: Any
    initial: State
    decide: Callable[[State, C], list[E]]
    evolve: Callable[[State, E], State]
    system: bool = False

    def event_types(self) -> tuple[type[E], ...]:
        """The members of the union, in its order."""
        return get_args(self.events) or (self.events,)

    def fold(self, events: Iterable[E], state: State | None = None) -> State:
        """The state after these events, from `state` or from the beginning."""
        folded = self.initial if state is None else state
        for event in events:
            folded = self.evolve(folded, event)
        return folded

    def stream(self, id_: str) -> str:
        """The name of one stream of this kind."""
        return f"{self.category}/{id_}"
