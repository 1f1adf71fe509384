"""How limits are wired."""

import adapters.http.limits
import projections.limits
from adapters.capability import Capability
from application.bus import OneStream
from domain.limits import LIMIT, DefineLimit

CAPABILITY = Capability(
    name="limits",
    deciders=(LIMIT,),
    handlers=lambda _: {DefineLimit: OneStream(LIMIT, lambda command: command.name)},
    projections=(projections.limits.PROJECTION,),
    operations=adapters.http.limits.OPERATIONS,
)
