"""How flags are wired."""

import adapters.http.flags
import projections.flags
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.bus import OneStream
from domain.flags import FLAG, DefineFlag, DisableFlag, EnableFlag


def _handlers(_services: Services) -> Handlers:
    handler = OneStream(FLAG, lambda command: command.flag)
    return {DefineFlag: handler, EnableFlag: handler, DisableFlag: handler}


CAPABILITY = Capability(
    name="flags",
    deciders=(FLAG,),
    handlers=_handlers,
    projections=(projections.flags.PROJECTION,),
    operations=adapters.http.flags.OPERATIONS,
)
