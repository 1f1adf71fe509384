"""How flags are wired."""

import adapters.http.environments
import adapters.http.flag_commands
import adapters.http.flag_contexts
import adapters.http.flag_differences
import adapters.http.flag_documents
import adapters.http.flag_evaluation
import adapters.http.flag_plans
import adapters.http.flag_usage
import adapters.http.flags
import adapters.http.ofrep
import adapters.http.segments
import adapters.http.unleash
import adapters.http.unleash_metrics
import projections.environments
import projections.flag_changes
import projections.flag_usage
import projections.flags
from adapters.capability import Capability, Handlers
from adapters.flag_change_clock import carry_out_flag_changes
from adapters.services import Services
from application.bus import OneStream
from application.flags import planned
from application.flags.changes import (
    DefineSegmentHandler,
    EditFlag,
    EditFlagHandler,
    RemoveSegment,
    RemoveSegmentHandler,
    RevertFlag,
    RevertFlagHandler,
)
from application.flags.environments import DropEnvironment, DropEnvironmentHandler
from application.flags.imports import ImportFlags, ImportFlagsHandler
from domain.flags.decider import FLAG
from domain.flags.environments import ENVIRONMENT, DescribeEnvironment
from domain.flags.events import about_of
from domain.flags.needs import NEED
from domain.flags.planned import FLAG_CHANGE
from domain.flags.segments import SEGMENT, DefineSegment
from domain.flags.usage import USAGE


def _handlers(services: Services) -> Handlers:
    sets = services.flag_sets
    return {
        EditFlag: EditFlagHandler(sets),
        RevertFlag: RevertFlagHandler(sets),
        DefineSegment: DefineSegmentHandler(sets),
        RemoveSegment: RemoveSegmentHandler(sets),
        ImportFlags: ImportFlagsHandler(sets),
        DescribeEnvironment: OneStream(ENVIRONMENT, lambda command: command.environment),
        DropEnvironment: DropEnvironmentHandler(sets),
        **planned.handlers(sets, services.current, services.new_id),
    }


CAPABILITY = Capability(
    name="flags",
    deciders=(FLAG, SEGMENT, NEED, ENVIRONMENT, FLAG_CHANGE, USAGE),
    upcasts={("flag.defined", 1): about_of},
    handlers=_handlers,
    projections=(
        projections.flags.PROJECTION,
        projections.flag_changes.PROJECTION,
        projections.flag_usage.PROJECTION,
        projections.environments.PROJECTION,
    ),
    operations=(
        *adapters.http.flags.OPERATIONS,
        *adapters.http.flag_commands.OPERATIONS,
        *adapters.http.flag_evaluation.OPERATIONS,
        *adapters.http.flag_differences.OPERATIONS,
        *adapters.http.flag_plans.OPERATIONS,
        *adapters.http.flag_documents.OPERATIONS,
        *adapters.http.environments.OPERATIONS,
        *adapters.http.segments.OPERATIONS,
        *adapters.http.ofrep.OPERATIONS,
        *adapters.http.unleash.OPERATIONS,
        *adapters.http.unleash_metrics.OPERATIONS,
        *adapters.http.flag_usage.OPERATIONS,
        *adapters.http.flag_contexts.OPERATIONS,
    ),
    chores={"flag-changes": carry_out_flag_changes},
)
