"""The port to the rows: how a projection's queries ask for them.

Queries are SQL over the projection's own tables, named in braces (`{flags}`): which generation's
tables these are, and that only one tenant's rows are there to be seen, is the adapter's business.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from application.positions import Position
from projections.projection import Projection

Row = TypeVar("Row")


class Rows(Protocol):
    """One tenant's rows of one projection, as they were at one moment.

    Queries pass values as `$1`, `$2`, ... and never format them into the text. Row structs have
    the names of the selected columns; JSON comes as the value that it encodes.
    """

    async def find(self, row: type[Row], sql: str, *values: Any) -> list[Row]:
        """Every row that the query gives."""
        ...

    async def find_one(self, row: type[Row], sql: str, *values: Any) -> Row | None:
        """The first row that the query gives, if any."""
        ...

    async def position(self) -> Position:
        """How far in the log these rows are."""
        ...


class ReadModels(Protocol):
    """All projections' rows."""

    def rows(
        self,
        projection: Projection,
        tenant: str,
        *,
        after: Position | None = None,
        patience: float = 5.0,
    ) -> AbstractAsyncContextManager[Rows]:
        """One tenant's rows in one snapshot, not older than `after`.

        Raises:
            Outage: the rows did not get there within `patience` seconds, are still being built,
                or the database does not answer.
            ForeignIncarnation: `after` is a place in another log.
        """
        ...

    async def consistent(
        self, projection: Projection, position: Position, *, patience: float = 5.0
    ) -> None:
        """Wait until the rows include everything up to a position. Raises as `rows` does."""
        ...

    async def ready(self) -> Sequence[str]:
        """The names of projections whose rows are not there to be served yet."""
        ...
