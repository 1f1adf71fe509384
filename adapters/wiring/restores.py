"""How restores are wired."""

import projections.restores
from adapters.capability import Capability
from domain.restores import RESTORE

CAPABILITY = Capability(
    name="restores",
    deciders=(RESTORE,),
    projections=(projections.restores.PROJECTION,),
)
