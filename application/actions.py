"""Actions: a person triggers one, and a job is queued."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from application.bus import Run
from application.current import CurrentStates
from application.flags import FlagEvaluator
from application.limits import Allowance, Caller, RateLimiter
from application.schema_registry import SchemaRegistry
from application.schemas import SchemaValidator, under
from application.unit import Done, Unit
from domain.actions import ACTION, Action, DefineAction, FlagOff, NoSuchAction
from domain.jobs import JOB, QUEUED, QueueJob
from domain.rejections import Fault, Invalid
from domain.schemas import SCHEMA, NoSchema, Schema


class TriggerAction(msgspec.Struct, frozen=True, kw_only=True):
    """Run an action with this input, on behalf of the caller."""

    action: str
    input: Any
    caller: Caller


class Triggered(msgspec.Struct, frozen=True, kw_only=True):
    """The job that was queued, and what is left of the limit (None: there is none)."""

    id: str
    state: str
    allowance: Allowance | None


@dataclass(frozen=True)
class TriggerActionHandler:
    """Carries out `TriggerAction`: flag, limit, input, then the queue."""

    current: CurrentStates
    flags: FlagEvaluator
    limiter: RateLimiter
    schemas: SchemaValidator
    registry: SchemaRegistry
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, command: TriggerAction, run: Run) -> Done[Triggered]:
        """Queue the job.

        Raises:
            Rejection: as `admit` does.
        """
        allowance = await self.admit(command)
        job = str(self.new_id())
        requester = command.caller.principal.id
        queue = QueueJob(
            action=command.action, requester=requester, input=command.input, at=self.now()
        )

        async def decide(unit: Unit) -> Triggered:
            unit.begin(JOB, job, queue)
            return Triggered(id=job, state=QUEUED, allowance=allowance)

        return await run(decide)

    async def admit(self, command: TriggerAction) -> Allowance | None:
        """Let a run pass that may be queued; it has been counted against the action's limit then.

        Raises:
            NoSuchAction: when it is not defined.
            FlagOff: naming the flag.
            RateLimited: when the caller has used up the action's limit.
            Invalid: with pointers into the request's body.
        """
        tenant = command.caller.principal.tenant
        action = await self.current.get(ACTION, command.action, tenant)
        if not isinstance(action, Action):
            raise NoSuchAction(f"There is no action named {command.action}.")
        await self._gate(action, command)
        allowance = await self.limiter.check(action.limit, command.caller) if action.limit else None
        await self._validate(action, command.input, tenant)
        return allowance

    async def _gate(self, action: Action, command: TriggerAction) -> None:
        if action.flag is None:
            return
        principal = command.caller.principal
        if not await self.flags(action.flag, principal.id, tenant=principal.tenant):
            raise FlagOff(f"The flag {action.flag} is off for you.", flag=action.flag)

    async def _validate(self, action: Action, value: Any, tenant: str) -> None:
        faults: list[Fault] = []
        if action.input_schema is not None:
            faults += self.schemas.faults(text_of(action.input_schema), value)
        if action.schema is not None:
            faults += await self.registry.faults(action.schema, value, tenant=tenant)
        if faults:
            raise Invalid(*under("/input", faults))


@dataclass(frozen=True)
class DefineActionHandler:
    """Carries out `DefineAction`, once its schema has been found to be one."""

    schemas: SchemaValidator

    async def __call__(self, command: DefineAction, run: Run) -> Done[Action]:
        """Define the action.

        Raises:
            Invalid: with pointers into the schema.
        """
        if command.input_schema is not None:
            faults = self.schemas.check(text_of(command.input_schema))
            if faults:
                raise Invalid(*under("/input_schema", faults))

        async def decide(unit: Unit) -> Action:
            if command.schema is not None:
                await _require_schema(unit, command.schema)
            action = await unit.decide(ACTION, command.name, command)
            assert isinstance(action, Action)  # noqa: S101 - defined just now
            return action

        return await run(decide, lanes=[(ACTION, command.name)])


async def _require_schema(unit: Unit, name: str) -> None:
    schema: NoSchema | Schema = await unit.load(SCHEMA, name)
    if isinstance(schema, NoSchema):
        detail = f"there is no schema named {name}"
        raise Invalid(Fault(pointer="/schema", code="no-such-schema", detail=detail))


def text_of(schema: Any) -> str:
    """The text of a schema that was given as a value."""
    return msgspec.json.encode(schema).decode()
