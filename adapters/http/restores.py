"""Restores over HTTP: what would go, the restore itself, and what waits for a person afterwards."""

from typing import Any

import msgspec

from adapters.backups.switch import Mark
from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import known_id
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from adapters.http.restore_shapes import (
    Asked,
    ParkedList,
    PlanView,
    ProgressView,
    ReleaseBody,
    RestoreBody,
    RestoreItem,
    RestoreList,
    RestoreView,
    show_restore,
    wished_end,
)
from application.backup_repository import NoSuchVersion
from application.restores import AskRestore, LookAtRestore, RestorePlan
from domain.recorded import SYSTEM_TENANT
from domain.restores import RESTORE, NoRestore, NoSuchRestore, Parked, ReleaseParked, Restore
from projections import restores as projection

READ, WRITE = "backups:read", "backups:write"


def _missing(_restore: str) -> NoSuchRestore:
    return NoSuchRestore()


def _no_version(version: str) -> NoSuchVersion:
    return NoSuchVersion(version=version[:100])


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
    end = await wished_end(call, body)
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
    return show_restore(id_, progress)(restore, version)


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
    return await execute(call, command, show_restore(id_))


OPERATIONS = (
    restore_backup,
    get_restore,
    list_restores,
    restore_history,
    list_parked,
    release_parked,
)
