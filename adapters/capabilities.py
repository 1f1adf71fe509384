"""The list of capabilities: the one file that a new one edits."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import adapters.http.access
import adapters.http.accounts
import adapters.http.actions
import adapters.http.events
import adapters.http.flags
import adapters.http.jobs
import adapters.http.limits
import adapters.http.logs
import adapters.http.schemas
import adapters.http.sessions
import adapters.http.validation
import adapters.http.webhooks
import application.webhooks.processing
import projections.accounts
import projections.actions
import projections.flags
import projections.jobs
import projections.limits
import projections.logs
import projections.schemas
import projections.sessions
import projections.webhooks
from adapters.http.operations import Operation
from adapters.services import Services
from application.access import SetOwner, SetOwnerHandler
from application.accounts import GrantRoleHandler, Register, RegisterHandler
from application.actions import DefineActionHandler, TriggerAction, TriggerActionHandler
from application.bus import Handler, OneStream
from application.codec import Upcast
from application.effects import EffectHandler
from application.jobs import REACTION, RUN_JOB, RunJob
from application.logs import RegisterLogSourceHandler, RemoveLogSourceHandler
from application.reactions import Reaction
from application.schemas import PublishSchemaHandler
from application.sessions import SignIn, SignInHandler, SignOut, SignOutHandler
from application.webhooks.processing import PROCESS, ProcessReceipt
from application.webhooks.receiving import Receive, ReceiveHandler
from application.webhooks.sources import DefineSource, DefineSourceHandler, DeleteSourceHandler
from domain.access import API_KEY, OWNER_SEAT
from domain.accounts import ACCOUNT, EMAIL, GrantRole
from domain.actions import ACTION, DefineAction
from domain.decider import Decider
from domain.flags import FLAG, DefineFlag, DisableFlag, EnableFlag
from domain.jobs import JOB, CancelJob, RequeueJob
from domain.limits import LIMIT, DefineLimit
from domain.logs import (
    LOG_READING,
    LOG_SOURCE,
    RecordLogReading,
    RegisterLogSource,
    RemoveLogSource,
    reading_id,
)
from domain.projections import (
    PROJECTION,
    PauseProjection,
    ResumeProjection,
    RetryProjection,
    SkipEvent,
)
from domain.schemas import SCHEMA, PublishSchema
from domain.sessions import SESSION
from domain.webhooks.hooks import HOOK
from domain.webhooks.receipts import RECEIPT, ReplayWebhook
from domain.webhooks.refusals import REFUSALS
from domain.webhooks.sources import SOURCE, DeleteSource, DisableSource, EnableSource
from projections.projection import Projection

if TYPE_CHECKING:
    from adapters.bootstrap import Platform

Handlers = Mapping[type[Any], Handler[Any, Any]]
Effects = Mapping[str, EffectHandler[Any, Any]]


Chore = Callable[["Platform"], Coroutine[Any, Any, None]]
"""Work that a scheduler does for as long as it runs; two schedulers may do it at once.

It handles outages itself: that it ends or raises is a fault, and the process is started anew.
"""


def _no_handlers(_services: Services) -> Handlers:
    return {}


def _no_effects(_services: Services) -> Effects:
    return {}


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One word, and everything that it brings on every floor.

    `upcasts` maps (event type, schema version) to the step that leads to the next version.
    """

    name: str
    deciders: tuple[Decider[Any, Any, Any], ...] = ()
    upcasts: Mapping[tuple[str, int], Upcast] = field(default_factory=dict)
    handlers: Callable[[Services], Handlers] = _no_handlers
    projections: tuple[Projection, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    effects: Callable[[Services], Effects] = _no_effects
    operations: tuple[Operation, ...] = ()
    chores: Mapping[str, Chore] = field(default_factory=dict)


def _accounts(services: Services) -> Handlers:
    return {
        Register: RegisterHandler(
            hasher=services.hasher,
            email_hash=services.email_hash,
            now=services.now,
            new_id=services.new_id,
        ),
        GrantRole: GrantRoleHandler(services.sessions),
    }


def _sessions(services: Services) -> Handlers:
    return {
        SignIn: SignInHandler(
            hasher=services.hasher,
            lockout=services.lockout,
            sessions=services.sessions,
            email_hash=services.email_hash,
            new_token=services.new_token,
            lifetime=services.settings.session_ttl,
            now=services.now,
            new_id=services.new_id,
        ),
        SignOut: SignOutHandler(sessions=services.sessions, now=services.now),
    }


def _flags(_services: Services) -> Handlers:
    handler = OneStream(FLAG, lambda command: command.flag)
    return {DefineFlag: handler, EnableFlag: handler, DisableFlag: handler}


def _actions(services: Services) -> Handlers:
    return {
        DefineAction: DefineActionHandler(schemas=services.schemas),
        TriggerAction: _trigger(services),
    }


def _trigger(services: Services) -> TriggerActionHandler:
    return TriggerActionHandler(
        current=services.current,
        flags=services.flags,
        limiter=services.limiter,
        schemas=services.schemas,
        now=services.now,
        new_id=services.new_id,
    )


def _webhooks(services: Services) -> Handlers:
    ports, by_source = services.webhooks, OneStream(SOURCE, lambda command: command.source)
    return {
        DefineSource: DefineSourceHandler(
            registry=services.registry,
            verify=ports.verify,
            names=ports.names,
            now=services.now,
            new_id=services.new_id,
        ),
        DisableSource: by_source,
        EnableSource: by_source,
        DeleteSource: DeleteSourceHandler(),
        ReplayWebhook: OneStream(RECEIPT, lambda command: command.receipt),
        Receive: ReceiveHandler(
            current=services.current,
            names=ports.names,
            verify=ports.verify,
            refusals=ports.refusals,
            now=services.now,
        ),
    }


def _webhook_effects(services: Services) -> Effects:
    process = ProcessReceipt(
        read=services.webhooks.read,
        registry=services.registry,
        trigger=_trigger(services),
        now=services.now,
        new_id=services.new_id,
    )
    return {PROCESS: process}


def _logs(services: Services) -> Handlers:
    logs = services.logs
    return {
        RegisterLogSource: RegisterLogSourceHandler(logs.reader, logs.roots),
        RemoveLogSource: RemoveLogSourceHandler(),
        RecordLogReading: OneStream(
            LOG_READING, lambda command: reading_id(command.source, command.at)
        ),
    }


def job_handlers() -> Handlers:
    """What is decided about a job from outside; needs no port."""
    handler = OneStream(JOB, lambda command: command.job)
    return {RequeueJob: handler, CancelJob: handler}


def projection_handlers() -> Handlers:
    """What is decided about a read model; needs no port."""
    handler = OneStream(PROJECTION, lambda command: command.projection)
    commands = (PauseProjection, ResumeProjection, RetryProjection, SkipEvent)
    return dict.fromkeys(commands, handler)


CAPABILITIES: tuple[Capability, ...] = (
    Capability(
        name="access",
        deciders=(API_KEY, OWNER_SEAT),
        handlers=lambda services: {SetOwner: SetOwnerHandler(now=services.now)},
        operations=adapters.http.access.OPERATIONS,
    ),
    Capability(
        name="accounts",
        deciders=(ACCOUNT, EMAIL),
        handlers=_accounts,
        projections=(projections.accounts.PROJECTION,),
        operations=adapters.http.accounts.OPERATIONS,
    ),
    Capability(
        name="sessions",
        deciders=(SESSION,),
        handlers=_sessions,
        projections=(projections.sessions.PROJECTION,),
        operations=adapters.http.sessions.OPERATIONS,
    ),
    Capability(
        name="flags",
        deciders=(FLAG,),
        handlers=_flags,
        projections=(projections.flags.PROJECTION,),
        operations=adapters.http.flags.OPERATIONS,
    ),
    Capability(
        name="limits",
        deciders=(LIMIT,),
        handlers=lambda _: {DefineLimit: OneStream(LIMIT, lambda command: command.name)},
        projections=(projections.limits.PROJECTION,),
        operations=adapters.http.limits.OPERATIONS,
    ),
    Capability(
        name="schemas",
        deciders=(SCHEMA,),
        handlers=lambda services: {PublishSchema: PublishSchemaHandler(services.schemas)},
        projections=(projections.schemas.PROJECTION,),
        operations=(*adapters.http.schemas.OPERATIONS, *adapters.http.validation.OPERATIONS),
    ),
    Capability(
        name="actions",
        deciders=(ACTION,),
        handlers=_actions,
        projections=(projections.actions.PROJECTION,),
        operations=adapters.http.actions.OPERATIONS,
    ),
    Capability(
        name="jobs",
        deciders=(JOB,),
        handlers=lambda _: job_handlers(),
        projections=(projections.jobs.PROJECTION,),
        reactions=(REACTION,),
        effects=lambda services: {RUN_JOB: RunJob(services.executor, services.now)},
        operations=adapters.http.jobs.OPERATIONS,
    ),
    Capability(
        name="logs",
        deciders=(LOG_SOURCE, LOG_READING),
        handlers=_logs,
        projections=(projections.logs.PROJECTION,),
        operations=adapters.http.logs.OPERATIONS,
    ),
    Capability(
        name="webhooks",
        deciders=(SOURCE, HOOK, RECEIPT, REFUSALS),
        handlers=_webhooks,
        projections=(projections.webhooks.PROJECTION,),
        reactions=(application.webhooks.processing.REACTION,),
        effects=_webhook_effects,
        operations=adapters.http.webhooks.OPERATIONS,
    ),
    Capability(
        name="projections", deciders=(PROJECTION,), handlers=lambda _: projection_handlers()
    ),
    Capability(name="events", operations=adapters.http.events.OPERATIONS),
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
