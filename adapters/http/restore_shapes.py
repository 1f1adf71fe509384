"""Restores as they are asked for and shown."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render
from adapters.http.conditions import etag
from adapters.http.moments import PLACE, current_position
from adapters.http.names import NO_NUL
from application.live_log import Discarded
from application.restores import WishedEnd
from domain.rejections import Fault, Invalid
from domain.restores import NoRestore, NoSuchRestore, Parked, Restore

END = "end"

State = Literal["running", "completed", "failed"]
Reason = Annotated[str, msgspec.Meta(max_length=500, extra_json_schema=NO_NUL)]
Place = Annotated[
    str,
    msgspec.Meta(
        max_length=40,
        description="Where the restored log is to end: a position, a token, or `end` for the end "
        "of the live log. Without it, where the backup ends.",
        extra_json_schema={"pattern": f"{PLACE['pattern'][:-2]}|{END})$"},
    ),
]


class RestoreBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to restore to; without `confirm` nothing is changed.

    With `discard_later` what is recorded after the listing goes, too.
    """

    position: Place | Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    confirm: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    discard_later: bool = False
    reason: Reason = ""


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore would do. Send it again with `confirm` to let it be done."""

    version: str
    label: str
    base: int
    position: int | None
    tail: int
    same_log: bool
    discarded: Discarded
    confirm: str


class ProgressView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a running restore is; `done` and `total` are those of the step."""

    step: str
    done: int
    total: int


class RestoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A restore. `backup` is the version, `kept` the database of the log that was replaced."""

    id: str
    backup: str
    base: int
    position: int | None
    state: State
    reason: str
    error: str | None
    kept: str | None
    parked: int
    progress: ProgressView | None
    version: int


class RestoreItem(msgspec.Struct, frozen=True, kw_only=True):
    """A restore in a list."""

    id: str
    backup: str
    position: int | None
    state: State
    reason: str
    error: str | None
    kept: str | None
    created_at: datetime
    updated_at: datetime


class RestoreList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of restores, newest first."""

    items: list[RestoreItem]
    next: str | None


class ParkedList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what waits, in the order of the log."""

    items: list[Parked]
    next: str | None


class ReleaseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to follow now: the positions of parked items, or all."""

    positions: Annotated[list[Annotated[int, msgspec.Meta(ge=1)]], msgspec.Meta(max_length=1000)]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A restore that has begun; see it at `/v1/restores/{id}`."""

    id: str
    version: str
    position: int | None
    state: State


async def wished_end(call: Call, body: RestoreBody) -> WishedEnd:
    """The wished end, as the request names it.

    Raises:
        Invalid: when it names two, or none that can be.
        Gone: when it is a token of another log.
    """
    if body.at is not None and body.position is not None:
        detail = "give at or position, not both"
        raise Invalid(Fault(pointer="/position", code="exclusive", detail=detail))
    if body.position == END:
        return WishedEnd(live_end=True)
    if body.position is None:
        return WishedEnd(at=body.at)
    found = await current_position(call, str(body.position), "/position")
    return WishedEnd(position=found.number)


def show_restore(id_: str, progress: ProgressView | None = None, status: int = 200) -> Render:
    """What shows a restore, or says that there is none."""

    def render(restore: NoRestore | Restore, version: int) -> Answer:
        if isinstance(restore, NoRestore):
            raise NoSuchRestore
        view = RestoreView(
            id=id_,
            backup=restore.version,
            base=restore.base,
            position=restore.position,
            state=restore.phase,  # type: ignore[arg-type]  # phases are these words
            reason=restore.reason,
            error=restore.error or None,
            kept=restore.kept or None,
            parked=len(restore.parked),
            progress=progress,
            version=version,
        )
        return json_answer(view, status, (etag(version),))

    return render
