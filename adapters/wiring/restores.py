"""How restores are wired."""

import adapters.http.restores
import projections.restores
from adapters.capability import Capability, Handlers
from adapters.open_restores import carry_out_restores
from adapters.services import Services
from application.bus import OneStream
from application.restores import (
    AskRestore,
    AskRestoreHandler,
    LookAtRestore,
    LookAtRestoreHandler,
    PlanRestore,
)
from domain.restores import RESTORE, ReleaseParked


def _handlers(services: Services) -> Handlers:
    plan = PlanRestore(services.backups, services.live_log)
    return {
        LookAtRestore: LookAtRestoreHandler(plan),
        AskRestore: AskRestoreHandler(plan, services.new_id),
        ReleaseParked: OneStream(RESTORE, lambda command: command.restore),
    }


CAPABILITY = Capability(
    name="restores",
    deciders=(RESTORE,),
    handlers=_handlers,
    projections=(projections.restores.PROJECTION,),
    operations=adapters.http.restores.OPERATIONS,
    chores={"restores": carry_out_restores},
)
