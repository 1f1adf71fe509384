"""Flags as they were at versions that are to come back."""

from adapters.http.calls import Call
from adapters.http.flag_plan_shapes import ChangeBody, placed_steps, revert_of
from adapters.http.flag_shapes import missing
from domain.flags.decider import FLAG
from domain.flags.state import Flag, NoFlag
from domain.rejections import Fault, Invalid


async def flag_at_version(call: Call, key: str, version: int, pointer: str) -> Flag:
    """A flag at a version of it.

    Raises:
        NotFound: there is no such flag.
        Invalid: there is no such version of it, which the pointer is at.
    """
    stream = (call.tenant, FLAG.stream(key))
    then = await call.platform.pipeline.fold(FLAG, stream, at_version=version)
    if isinstance(then.state, NoFlag):
        raise missing(key)
    if then.version < version:
        detail = f"is no version of the flag, whose newest is {then.version}"
        raise Invalid(Fault(pointer=pointer, code="unknown-version", detail=detail))
    assert isinstance(then.state, Flag)  # noqa: S101 - what else there is was raised
    return then.state


async def reverts_of(call: Call, key: str, body: ChangeBody) -> dict[int, Flag]:
    """What steps of a change make the flag again, by their indexes. Raises as above."""
    return {
        number: await flag_at_version(call, key, revert.version, f"{place}/edits/0/version")
        for number, (place, step) in enumerate(placed_steps(body))
        if (revert := revert_of(place, step)) is not None
    }
