"""The port to the registry of schemas: what is wrong with a value, by a schema that has a name.

Other capabilities name a schema instead of carrying one. What they are told follows the newest
published version, so that a schema is mended in one place for everything that names it.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from domain.rejections import Fault


class SchemaRegistry(Protocol):
    """Answers for other capabilities, from what this process keeps of the registry."""

    async def faults(self, schema: str, value: Any, *, tenant: str) -> Sequence[Fault]:
        """What is wrong with a decoded JSON value by the newest version of a schema.

        Empty when the value is valid; pointers start at the value. Numbers may be `int`, `float`
        or `Decimal`: the last is compared exactly.

        Raises:
            NoSuchSchema: nothing was published under that name.
            Outage: the schema is not kept here and the log does not answer.
        """
        ...

    async def require(self, schema: str, *, tenant: str) -> None:
        """Make sure that a schema of this name exists, before something names it.

        Raises:
            NoSuchSchema: nothing was published under that name.
            Outage: the schema is not kept here and the log does not answer.
        """
        ...
