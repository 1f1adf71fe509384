"""How projections are wired."""

from adapters.capability import Capability, Handlers
from application.bus import OneStream
from domain.projections import (
    PROJECTION,
    PauseProjection,
    ResumeProjection,
    RetryProjection,
    SkipEvent,
)


def projection_handlers() -> Handlers:
    """What is decided about a read model; needs no port."""
    handler = OneStream(PROJECTION, lambda command: command.projection)
    commands = (PauseProjection, ResumeProjection, RetryProjection, SkipEvent)
    return dict.fromkeys(commands, handler)


CAPABILITY = Capability(
    name="projections", deciders=(PROJECTION,), handlers=lambda _: projection_handlers()
)
