"""The list of capabilities: the one file that a new one edits.

How each is wired is said in its own file, `adapters/wiring/<word>.py`.
"""

from adapters.capability import Capability, Effects, Handlers
from adapters.services import Services
from adapters.wiring import (
    access,
    accounts,
    actions,
    backups,
    cache,
    deliveries,
    events,
    experiments,
    flags,
    inbox,
    jobs,
    limits,
    logs,
    mail,
    personal_data,
    projections,
    reminders,
    restores,
    schemas,
    second_factors,
    sessions,
    tenants,
    tokens,
    webhooks,
)

CAPABILITIES: tuple[Capability, ...] = (
    access.CAPABILITY,
    tenants.CAPABILITY,
    accounts.CAPABILITY,
    sessions.CAPABILITY,
    second_factors.CAPABILITY,
    tokens.CAPABILITY,
    mail.CAPABILITY,
    personal_data.CAPABILITY,
    flags.CAPABILITY,
    experiments.CAPABILITY,
    limits.CAPABILITY,
    schemas.CAPABILITY,
    actions.CAPABILITY,
    jobs.CAPABILITY,
    backups.CAPABILITY,
    cache.CAPABILITY,
    logs.CAPABILITY,
    webhooks.CAPABILITY,
    reminders.CAPABILITY,
    deliveries.CAPABILITY,
    inbox.CAPABILITY,
    restores.CAPABILITY,
    projections.CAPABILITY,
    events.CAPABILITY,
)

DECIDERS = tuple(decider for each in CAPABILITIES for decider in each.deciders)
UPCASTS = {key: step for each in CAPABILITIES for key, step in each.upcasts.items()}
PROJECTIONS = tuple(projection for each in CAPABILITIES for projection in each.projections)
REACTIONS = tuple(reaction for each in CAPABILITIES for reaction in each.reactions)
CHORES = {name: chore for each in CAPABILITIES for name, chore in each.chores.items()}
OPERATIONS = tuple(operation for each in CAPABILITIES for operation in each.operations)


def handlers(services: Services) -> Handlers:
    """Every command's handler."""
    return {
        type_: handler
        for capability in CAPABILITIES
        for type_, handler in capability.handlers(services).items()
    }


def effects(services: Services) -> Effects:
    """The handler of every kind of effect."""
    return {
        kind: handler
        for capability in CAPABILITIES
        for kind, handler in capability.effects(services).items()
    }
