"""Schemas: values held against the newest version of one, for this and other capabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from application.current import CurrentStates
from domain.rejections import Fault
from domain.schemas import SCHEMA, NoSuchSchema, Schema

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
        """What is wrong with a value, at pointers into it; `size` in bytes of its text."""
        ...


@dataclass(frozen=True)
class CurrentSchemas:
    """Implements `application.schema_registry.SchemaRegistry` over what the process keeps."""

    current: CurrentStates
    validator: SchemaValidator

    async def faults(self, schema: str, value: Any, *, tenant: str) -> Sequence[Fault]:
        """See `SchemaRegistry`."""
        found = await self._published(schema, tenant)
        return self.validator.faults(found.newest.document, value)

    async def require(self, schema: str, *, tenant: str) -> None:
        """See `SchemaRegistry`."""
        await self._published(schema, tenant)

    async def _published(self, name: str, tenant: str) -> Schema:
        found = await self.current.get(SCHEMA, name, tenant)
        if not isinstance(found, Schema):
            raise NoSuchSchema(f"There is no schema named {name}.", schema=name)
        return found
