"""How actions are wired."""

import adapters.http.actions
import projections.actions
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.actions import DefineActionHandler, TriggerAction, TriggerActionHandler
from domain.actions import ACTION, DefineAction, add_schema


def _handlers(services: Services) -> Handlers:
    return {
        DefineAction: DefineActionHandler(schemas=services.schemas),
        TriggerAction: trigger_handler(services),
    }


def trigger_handler(services: Services) -> TriggerActionHandler:
    """What admits runs; whoever triggers actions by other ways shares it."""
    return TriggerActionHandler(
        current=services.current,
        flags=services.flags,
        limiter=services.limiter,
        schemas=services.schemas,
        registry=services.registry,
        now=services.now,
        new_id=services.new_id,
    )


CAPABILITY = Capability(
    name="actions",
    deciders=(ACTION,),
    upcasts={("action.defined", 1): add_schema},
    handlers=_handlers,
    projections=(projections.actions.PROJECTION,),
    operations=adapters.http.actions.OPERATIONS,
)
