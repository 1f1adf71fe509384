"""Schemas: published once they are found to be ones, and what values are held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from application.bus import Run
from application.current import CurrentStates
from application.unit import Done, Unit
from domain import exact_json
from domain.exact_json import Unreadable
from domain.rejections import Fault, Invalid
from domain.schemas import SCHEMA, NoSuchSchema, PublishSchema, Schema

LARGEST_VALUE = 1_048_576
"""Bytes of one value's text."""

MOST_FAULTS = 100
"""Faults told of one value."""


class ValueFault(Fault, frozen=True, kw_only=True):
    """One thing that is wrong with a value, in the form that every validation tells it in.

    `code` is the keyword that failed, or the limit; `params` the facts of `detail`; `received`
    JSON's word for what stands at the pointer (None: nothing does). Of a value that fits none of
    several forms, `alternatives` says of each form why not.
    """

    params: dict[str, Any] = msgspec.field(default_factory=dict)
    received: str | None = None
    alternatives: tuple[tuple["ValueFault", ...], ...] = ()


class SchemaValidator(Protocol):
    """Validates JSON values against JSON Schema 2020-12, without I/O.

    Compiled schemas are kept, by their text.
    """

    def check(self, document: str) -> list[Fault]:
        """What is wrong with a schema itself, at pointers into it."""
        ...

    def faults(self, document: str, value: Any, *, size: int = 0) -> list[ValueFault]:
        """What is wrong with a value, at pointers into it; `size` in bytes of its text.

        At most `MOST_FAULTS`. Time is bounded: where a pattern would take too long, that is a
        fault.
        """
        ...


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A schema as it is now, and whether it has a version that it had not before."""

    schema: Schema
    is_new: bool


@dataclass(frozen=True)
class PublishSchemaHandler:
    """Carries out `PublishSchema`, once its document has been found to be a schema."""

    validator: SchemaValidator

    async def __call__(self, command: PublishSchema, run: Run) -> Done[Published]:
        """Publish the version.

        Raises:
            Invalid: with pointers into the request's body.
            SchemaIncompatible: naming what breaks.
        """
        faults = self.validator.check(command.document)
        if faults:
            raise Invalid(*under("/schema", faults))

        async def decide(unit: Unit) -> Published:
            before = await unit.load(SCHEMA, command.name)
            schema = await unit.decide(SCHEMA, command.name, command)
            assert isinstance(schema, Schema)  # noqa: S101 - published just now
            known = len(before.versions) if isinstance(before, Schema) else 0
            return Published(schema=schema, is_new=len(schema.versions) > known)

        return await run(decide, lanes=[(SCHEMA, command.name)])


@dataclass(frozen=True)
class CurrentSchemas:
    """Implements `application.schema_registry.SchemaRegistry` over what the process keeps."""

    current: CurrentStates
    validator: SchemaValidator

    async def faults(self, schema: str, value: Any, *, tenant: str) -> Sequence[Fault]:
        """See `SchemaRegistry`."""
        found = await self.published(schema, tenant=tenant)
        return self.validator.faults(found.newest.document, value)

    async def require(self, schema: str, *, tenant: str) -> None:
        """See `SchemaRegistry`."""
        await self.published(schema, tenant=tenant)

    async def published(self, schema: str, *, tenant: str) -> Schema:
        """The schema; raises as `faults` does."""
        found = await self.current.get(SCHEMA, schema, tenant)
        if not isinstance(found, Schema):
            raise NoSuchSchema(f"There is no schema named {schema}.", schema=schema)
        return found


def examine(validator: SchemaValidator, document: str, text: bytes) -> list[ValueFault]:
    """What is wrong with a value's text: what no reader may rely on, else by the schema."""
    if len(text) > LARGEST_VALUE:
        return [_fault("", "size", f"is larger than {LARGEST_VALUE} bytes")]
    try:
        value = exact_json.read(text)
    except Unreadable as error:
        return [as_value_fault(each) for each in error.faults]
    return validator.faults(document, value, size=len(text))


def as_value_fault(fault: Fault) -> ValueFault:
    """The same fault, in the form that faults of values have."""
    return _fault(fault.pointer, fault.code, fault.detail)


def under(prefix: str, faults: Sequence[Fault]) -> list[Fault]:
    """The same faults, in a value that lies at `prefix`."""
    return [msgspec.structs.replace(fault, pointer=prefix + fault.pointer) for fault in faults]


def _fault(pointer: str, code: str, detail: str) -> ValueFault:
    return ValueFault(pointer=pointer, code=code, detail=detail)
