"""Lists from read models: one page in one snapshot, not older than the caller has seen."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from adapters.http.calls import Call
from adapters.http.moments import consistent_after
from adapters.http.paging import make_cursor
from domain.recorded import SYSTEM_TENANT
from projections.projection import Projection
from projections.reading import Rows

R = TypeVar("R")


@asynccontextmanager
async def rows_of(
    call: Call, projection: Projection, *, system: bool = False
) -> AsyncIterator[Rows]:
    """The caller's rows of a projection, after `Annals-Consistent-After` where it is given."""
    after = await consistent_after(call)
    tenant = SYSTEM_TENANT if system else call.tenant
    async with call.platform.read_models.rows(projection, tenant, after=after) as rows:
        yield rows


def cut(found: Sequence[R], limit: int, key: Callable[[R], Any]) -> tuple[Sequence[R], str | None]:
    """A page of at most `limit` of one more that was looked for, and the cursor behind it."""
    if len(found) <= limit:
        return found, None
    page = found[:limit]
    return page, make_cursor(key(page[-1]))
