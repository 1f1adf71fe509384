"""How flags are wired."""

import adapters.http.environments
import adapters.http.flag_documents
import adapters.http.flag_evaluation
import adapters.http.flags
import adapters.http.ofrep
import adapters.http.segments
import adapters.http.unleash
import projections.flags
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.flags.changes import (
    DefineSegmentHandler,
    EditFlag,
    EditFlagHandler,
    RemoveSegment,
    RemoveSegmentHandler,
    RevertFlag,
    RevertFlagHandler,
)
from application.flags.imports import ImportFlags, ImportFlagsHandler
from domain.flags.decider import FLAG
from domain.flags.events import about_of
from domain.flags.segments import SEGMENT, DefineSegment


def _handlers(services: Services) -> Handlers:
    sets = services.flag_sets
    return {
        EditFlag: EditFlagHandler(sets),
        RevertFlag: RevertFlagHandler(sets),
        DefineSegment: DefineSegmentHandler(sets),
        RemoveSegment: RemoveSegmentHandler(sets),
        ImportFlags: ImportFlagsHandler(sets),
    }


CAPABILITY = Capability(
    name="flags",
    deciders=(FLAG, SEGMENT),
    upcasts={("flag.defined", 1): about_of},
    handlers=_handlers,
    projections=(projections.flags.PROJECTION,),
    operations=(
        *adapters.http.flags.OPERATIONS,
        *adapters.http.flag_evaluation.OPERATIONS,
        *adapters.http.flag_documents.OPERATIONS,
        *adapters.http.environments.OPERATIONS,
        *adapters.http.segments.OPERATIONS,
        *adapters.http.ofrep.OPERATIONS,
        *adapters.http.unleash.OPERATIONS,
    ),
)
