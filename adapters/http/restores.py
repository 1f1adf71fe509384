"""Restores over HTTP: what would go, the restore itself, and what waits for a person afterwards."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from adapters.backups.switch import Mark
from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import PLACE, Moment, current_position, fold
from adapters.http.names import NO_NUL, known_id
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from application.backup_repository import NoSuchVersion
from application.live_log import Discarded
from application.restores import AskRestore, LookAtRestore, RestorePlan, WishedEnd
from domain.recorded import SYSTEM_TENANT
from domain.rejections import Fault, Invalid
from domain.restores import RESTORE, NoRestore, NoSuchRestore, Parked, ReleaseParked, Restore
from projections import restores as projection

READ, WRITE = "backups:read", "backups:write"
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


def _missing(_restore: str) -> NoSuchRestore:
    return NoSuchRestore()


def _no_version(version: str) -> NoSuchVersion:
    return NoSuchVersion(version=version[:100])


async def _end(call: Call, body: RestoreBody) -> WishedEnd:
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


@operation(
    "POST",
    "/v1/backups/{version}/restore",
    needs=WRITE,
    body=RestoreBody,
    answers={200: PlanView, 202: Asked},
)
async def restore_backup(call: Call, body: RestoreBody) -> Answer:
    """Say what a restore would do away with; with that answer's `confirm`, begin it."""
    version = known_id(call.params["version"], _no_version)
    end = await _end(call, body)
    if body.confirm is None:
        return await execute(call, LookAtRestore(version=version, end=end), _planned)
    id_ = str(call.platform.new_id())
    command = AskRestore(
        restore=id_,
        version=version,
        end=end,
        confirm=body.confirm,
        discard_later=body.discard_later,
        reason=body.reason,
        at=call.platform.now(),
    )

    def render(restore: NoRestore | Restore, _version: int) -> Answer:
        if isinstance(restore, NoRestore):
            raise NoSuchRestore
        asked = Asked(id=id_, version=version, position=restore.position, state="running")
        return json_answer(asked, 202, ((b"location", f"/v1/restores/{id_}".encode()),))

    return await execute(call, command, render)


def _planned(plan: RestorePlan, _version: int) -> Answer:
    return json_answer(plan)


@operation("GET", "/v1/restores/{id}", needs=READ, query=Moment, answers={200: RestoreView})
async def get_restore(call: Call, moment: Moment) -> Answer:
    """One restore, now or as it was; while it runs, with its progress."""
    id_ = known_id(call.params["id"], _missing)
    restore, version = await fold(call, RESTORE, id_, moment)
    progress = None
    if isinstance(restore, Restore) and restore.phase == "running":
        progress = await _progress(call, id_)
    return _show(id_, progress)(restore, version)


def _show(id_: str, progress: ProgressView | None = None, status: int = 200) -> Render:
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


class _Comment(msgspec.Struct, frozen=True, kw_only=True):
    text: str


async def _progress(call: Call, id_: str) -> ProgressView | None:
    """What the comment of the database says that is being filled."""
    sql = """
        SELECT shobj_description(oid, 'pg_database') AS text FROM pg_database
        WHERE shobj_description(oid, 'pg_database') LIKE '{"of":"annals"%'
    """
    async with rows_of(call, projection.PROJECTION, system=True) as rows:
        found: list[Any] = await rows.find(_Comment, sql)
    for each in found:
        try:
            mark = msgspec.json.decode(each.text, type=Mark)
        except msgspec.DecodeError:
            continue
        if mark.restore == id_:
            return ProgressView(step=mark.step, done=mark.done, total=mark.total)
    return None


@operation(
    "GET",
    "/v1/restores",
    needs=READ,
    query=Page,
    answers={200: RestoreList},
    consistent=True,
)
async def list_restores(call: Call, page: Page) -> Answer:
    """Restores, newest first."""
    (before,) = read_cursor(page.cursor, int) or (None,)
    async with rows_of(call, projection.PROJECTION, system=True) as rows:
        found = await projection.find_restores(rows, before=before, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.began)
    items = [
        RestoreItem(
            id=row.id,
            backup=row.backup,
            position=row.position,
            state=row.state,  # type: ignore[arg-type]  # states are these words
            reason=row.reason,
            error=row.error,
            kept=row.kept,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in shown
    ]
    return json_answer(RestoreList(items=items, next=following))


@operation(
    "GET",
    "/v1/restores/{id}/history",
    needs=READ,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def restore_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a restore."""
    id_ = known_id(call.params["id"], _missing)
    return await stream_history(call, SYSTEM_TENANT, RESTORE.stream(id_), page, NoSuchRestore())


@operation(
    "GET",
    "/v1/restores/{id}/parked",
    needs=READ,
    query=Page,
    answers={200: ParkedList},
    consistent=True,
)
async def list_parked(call: Call, page: Page) -> Answer:
    """What was asked of the outside world and waits for a person since this restore."""
    id_ = known_id(call.params["id"], _missing)
    (after,) = read_cursor(page.cursor, str) or ("",)
    restore, _ = await fold(call, RESTORE, id_, Moment())
    if isinstance(restore, NoRestore):
        raise NoSuchRestore
    left = [each for each in restore.parked if _place(each) > after]
    shown, following = cut(left, page.limit, _place)
    return json_answer(ParkedList(items=list(shown), next=following))


def _place(item: Parked) -> str:
    return f"{item.position:020}/{item.reaction}"


@operation(
    "POST",
    "/v1/restores/{id}/release",
    needs=WRITE,
    body=ReleaseBody,
    answers={200: RestoreView},
    conditional=True,
)
async def release_parked(call: Call, body: ReleaseBody) -> Answer:
    """Let parked items follow now: what they ask for is sent, perhaps a second time."""
    id_ = known_id(call.params["id"], _missing)
    command = ReleaseParked(restore=id_, positions=tuple(body.positions), at=call.platform.now())
    return await execute(call, command, _show(id_))


OPERATIONS = (
    restore_backup,
    get_restore,
    list_restores,
    restore_history,
    list_parked,
    release_parked,
)
