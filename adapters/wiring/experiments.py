"""How experiments are wired."""

import adapters.http.experiments
import projections.experiments
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.experiments.defining import (
    PutExperiment,
    PutExperimentHandler,
    SwitchExperimentHandler,
)
from application.experiments.telling import (
    TellConversions,
    TellConversionsHandler,
    TellExposures,
    TellExposuresHandler,
)
from domain.experiments.design import EXPERIMENT, StartExperiment, StopExperiment
from domain.experiments.observations import OBSERVATIONS


def _handlers(services: Services) -> Handlers:
    switch = SwitchExperimentHandler(services.experiments)
    hashed, new_id = services.subject_hash, services.new_id
    return {
        PutExperiment: PutExperimentHandler(services.flag_sets),
        StartExperiment: switch,
        StopExperiment: switch,
        TellExposures: TellExposuresHandler(hashed, new_id),
        TellConversions: TellConversionsHandler(hashed, new_id),
    }


CAPABILITY = Capability(
    name="experiments",
    deciders=(EXPERIMENT, OBSERVATIONS),
    handlers=_handlers,
    projections=(projections.experiments.PROJECTION,),
    operations=adapters.http.experiments.OPERATIONS,
)
