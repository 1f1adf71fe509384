"""Things as they were: `?at=<time>` or `?position=<token>`, and the events that made them so."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, overload

import msgspec

from adapters.http.calls import Call
from adapters.http.problems import Gone
from application.boundary import MAX_INTEGER
from application.event_store import Outage
from application.positions import Position, parse_position
from application.states import Folded
from domain.decider import Decider
from domain.recorded import SYSTEM_TENANT
from domain.rejections import Fault, Invalid

S = TypeVar("S")

PATIENCE = 5.0
"""Seconds that a command waits for the log's tail, as long as a list for its rows."""

PLACE = {"pattern": "^([0-9]{1,18}|[A-Za-z0-9_-]{32})$"}
"""What a place in the log looks like: a number or a token."""

At = Annotated[
    datetime,
    msgspec.Meta(
        tz=True,
        description="The thing as it was at this time (RFC 3339); not together with position.",
    ),
]
Token = Annotated[
    str,
    msgspec.Meta(
        max_length=40,
        description="The thing as it was at this position of the log; not together with at.",
        extra_json_schema=PLACE,
    ),
]


class Moment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which moment of a thing is asked for; now, where neither is given."""

    at: At | None = None
    position: Token | None = None


async def position_of(call: Call, moment: Moment) -> int | None:
    """The position up to which a thing is to be folded; None: up to now.

    Raises:
        Invalid: both parameters are given, the token is none, or lies beyond the log's end.
        Gone: the token belongs to a log that was replaced.
    """
    if moment.at is not None and moment.position is not None:
        detail = "give at or position, not both"
        raise Invalid(Fault(pointer="/position", code="exclusive", detail=detail))
    if moment.position is not None:
        return (await reached_position(call, moment.position, "/position")).number
    if moment.at is not None:
        return await call.platform.history.position_at(in_utc(moment.at, "/at"))
    return None


@overload
def in_utc(moment: datetime, pointer: str) -> datetime: ...
@overload
def in_utc(moment: None, pointer: str) -> None: ...
def in_utc(moment: datetime | None, pointer: str) -> datetime | None:
    """A moment in UTC, where there is one.

    Raises:
        Invalid: at the pointer, when it lies outside of the calendar.
    """
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        detail = "lies outside the years 1 to 9999"
        raise Invalid(Fault(pointer=pointer, code="range", detail=detail)) from None


async def current_position(call: Call, text: str, pointer: str) -> Position:
    """A place in the log as it is now, from a token or a number.

    Raises:
        Invalid: when it is neither.
        Gone: the token belongs to a log that was replaced.
    """
    incarnation = call.platform.tail.incarnation or (await call.platform.store.tail()).incarnation
    position = parse_position(text, incarnation, pointer=pointer)
    if position.number > MAX_INTEGER:
        detail = "is a token that this platform has never given"
        raise Invalid(Fault(pointer=pointer, code="position", detail=detail))
    if position.incarnation != incarnation:
        raise Gone(start_again=Position(incarnation, 0).token)
    return position


async def reached_position(call: Call, text: str, pointer: str) -> Position:
    """A place in the log that the log has reached; the live tail may lag, the store does not.

    Raises:
        Invalid: when it is no place, or one beyond the log's end.
        Gone: the token belongs to a log that was replaced.
    """
    position = await current_position(call, text, pointer)
    if position.number > call.platform.tail.position:
        last = (await call.platform.store.tail()).position
        if position.number > last:
            detail = f"lies beyond the end of the log, whose last position is {last}"
            raise Invalid(Fault(pointer=pointer, code="beyond-the-end", detail=detail))
    return position


async def fold(
    call: Call, decider: Decider[S, Any, Any], id_: str, moment: Moment
) -> tuple[S, int]:
    """A thing and its version, now or at a moment.

    Now is what the log says when asked, so that everybody reads what was written before.
    """
    await consistent_after(call)
    tenant = SYSTEM_TENANT if decider.system else call.tenant
    folded: Folded = await call.platform.pipeline.fold(
        decider, (tenant, decider.stream(id_)), to=await position_of(call, moment)
    )
    return folded.state, folded.version


async def consistent_after(call: Call) -> Position | None:
    """The place in the log that an answer must not be older than, where the caller names one.

    Raises:
        Invalid: when `Annals-Consistent-After` is no token.
        Gone: the token belongs to a log that was replaced.
    """
    given = call.headers.get(b"annals-consistent-after")
    if given is None:
        return None
    return await current_position(call, given.decode("latin-1"), "")


async def seen_here(call: Call) -> None:
    """Wait until what this process keeps includes the place that the caller names, if it does.

    A command decides about flags, limits and roles by what its process keeps of them; the tail of
    the log drops what is older than the events that it has seen.

    Raises:
        Invalid: when `Annals-Consistent-After` is no token, or lies beyond the log's end.
        Gone: the token belongs to a log that was replaced.
        Outage: the tail did not get there in time.
    """
    given = call.headers.get(b"annals-consistent-after")
    if given is None:
        return
    position = await reached_position(call, given.decode("latin-1"), "")
    tail = call.platform.tail
    if tail.position < position.number:
        tail.wake()
        try:
            async with asyncio.timeout(PATIENCE):
                await tail.wait_for(position.number)
        except TimeoutError:
            raise Outage("the tail of the log is behind Annals-Consistent-After") from None
    await call.platform.services.flag_sets.reached(position.number)


async def is_new(call: Call, decider: Decider[Any, Any, Any], id_: str) -> bool:
    """Whether nothing has ever been recorded about a thing."""
    tenant = SYSTEM_TENANT if decider.system else call.tenant
    [version] = await call.platform.store.versions([(tenant, decider.stream(id_))])
    return version == 0
