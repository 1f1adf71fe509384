"""What a capability brings on every floor; `adapters/wiring/` has one for each."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.http.operations import Operation
from adapters.platform import Platform
from adapters.services import Services
from application.bus import Handler
from application.effects import EffectHandler
from application.event_kinds import Upcast
from application.reactions import Reaction
from domain.decider import Decider
from projections.projection import Projection

Handlers = Mapping[type[Any], Handler[Any, Any]]
Effects = Mapping[str, EffectHandler[Any, Any]]


Chore = Callable[[Platform], Coroutine[Any, Any, None]]
"""Work that a scheduler does for as long as it runs; two schedulers may do it at once.

It handles outages itself: that it ends or raises is a fault, and the process is started anew.
"""


def _no_handlers(_services: Services) -> Handlers:
    return {}


def _no_effects(_services: Services) -> Effects:
    return {}


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One word, and everything that it brings on every floor.

    `upcasts` maps (event type, schema version) to the step that leads to the next version.
    """

    name: str
    deciders: tuple[Decider[Any, Any, Any], ...] = ()
    upcasts: Mapping[tuple[str, int], Upcast] = field(default_factory=dict)
    handlers: Callable[[Services], Handlers] = _no_handlers
    projections: tuple[Projection, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    effects: Callable[[Services], Effects] = _no_effects
    operations: tuple[Operation, ...] = ()
    chores: Mapping[str, Chore] = field(default_factory=dict)
