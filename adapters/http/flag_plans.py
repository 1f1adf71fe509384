"""Planned changes of flags over HTTP: proposed, approved by another, carried out in steps."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.flag_plan_shapes import (
    ChangeBody,
    ReasonBody,
    RolloutPlanBody,
    proposal,
    rollout_proposal,
)
from adapters.http.flag_plan_views import (
    FlagChangeItem,
    FlagChangeList,
    FlagChangeView,
    shown,
    view_of,
)
from adapters.http.flag_reverts import reverts_of
from adapters.http.flag_shapes import Word, missing
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import known_foreign_name, known_id
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from application.flags.planned import CarryOutChange
from domain.flags.planned import (
    FLAG_CHANGE,
    ApproveFlagChange,
    CancelFlagChange,
    FlagChangeState,
    NoSuchFlagChange,
    PauseFlagChange,
    RejectFlagChange,
    ResumeFlagChange,
)
from projections import flag_changes as projection

READ, WRITE = "flags:read", "flags:write"

State = Annotated[FlagChangeState, msgspec.Meta(description="Only those in this state.")]


class OfFlagQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which changes of a flag."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    state: State | None = None


class FlagChangesQuery(OfFlagQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which changes, of which flag."""

    flag: Word | None = None


def _missing(_change: str) -> NoSuchFlagChange:
    return NoSuchFlagChange()


def _id(call: Call) -> str:
    return known_id(call.params["id"], _missing)


@operation(
    "POST",
    "/v1/flags/{key}/changes",
    needs=WRITE,
    body=ChangeBody,
    answers={201: FlagChangeView},
    conditional=True,
)
async def propose_flag_change(call: Call, body: ChangeBody) -> Answer:
    """Want a flag changed: now or at a time, in steps, and once somebody else has approved.

    `If-Match` names a version of the flag.
    """
    key = known_foreign_name(call.params["key"], missing)
    command = proposal(key, body, call.platform.now())
    reverts = await reverts_of(call, key, body)
    return await execute(call, msgspec.structs.replace(command, reverts=reverts), shown(201))


@operation(
    "POST",
    "/v1/flags/{key}/rollouts",
    needs=WRITE,
    body=RolloutPlanBody,
    answers={201: FlagChangeView},
    conditional=True,
)
async def propose_flag_rollout(call: Call, body: RolloutPlanBody) -> Answer:
    """Want a flag rolled out step by step.

    `If-Match` names a version of the flag.
    """
    key = known_foreign_name(call.params["key"], missing)
    return await execute(call, rollout_proposal(key, body, call.platform.now()), shown(201))


@operation(
    "POST",
    "/v1/flag-changes/{id}/approve",
    needs=WRITE,
    answers={200: FlagChangeView},
    conditional=True,
)
async def approve_flag_change(call: Call) -> Answer:
    """Agree with somebody else's change; what is due of it is carried out."""
    now, approver = call.platform.now(), call.principal.actor
    command = ApproveFlagChange(change=_id(call), approver=approver, at=now)
    return await execute(call, command, shown())


@operation(
    "POST",
    "/v1/flag-changes/{id}/reject",
    needs=WRITE,
    body=ReasonBody,
    answers={200: FlagChangeView},
    conditional=True,
)
async def reject_flag_change(call: Call, body: ReasonBody) -> Answer:
    """Do not agree with a change that waits for approval."""
    command = RejectFlagChange(change=_id(call), reason=body.reason, at=call.platform.now())
    return await execute(call, command, shown())


@operation(
    "POST",
    "/v1/flag-changes/{id}/cancel",
    needs=WRITE,
    body=ReasonBody,
    answers={200: FlagChangeView},
    conditional=True,
)
async def cancel_flag_change(call: Call, body: ReasonBody) -> Answer:
    """Want no more of a change; steps that were carried out stay so."""
    command = CancelFlagChange(change=_id(call), reason=body.reason, at=call.platform.now())
    return await execute(call, command, shown())


@operation(
    "POST",
    "/v1/flag-changes/{id}/pause",
    needs=WRITE,
    answers={200: FlagChangeView},
    conditional=True,
)
async def pause_flag_change(call: Call) -> Answer:
    """Let nothing more of a change be carried out for now."""
    command = PauseFlagChange(change=_id(call), at=call.platform.now())
    return await execute(call, command, shown())


@operation(
    "POST",
    "/v1/flag-changes/{id}/resume",
    needs=WRITE,
    answers={200: FlagChangeView},
    conditional=True,
)
async def resume_flag_change(call: Call) -> Answer:
    """Let a paused change go on; the pause before its next step begins anew."""
    command = ResumeFlagChange(change=_id(call), at=call.platform.now())
    return await execute(call, command, shown())


@operation(
    "POST",
    "/v1/flag-changes/{id}/advance",
    needs=WRITE,
    answers={200: FlagChangeView},
    conditional=True,
)
async def advance_flag_change(call: Call) -> Answer:
    """Carry out the next step now, whether it waits for a time or for you."""
    command = CarryOutChange(change=_id(call), advanced=True, at=call.platform.now())
    return await execute(call, command, shown())


@operation(
    "GET",
    "/v1/flag-changes/{id}",
    needs=READ,
    query=Moment,
    answers={200: FlagChangeView},
    consistent=True,
)
async def get_flag_change(call: Call, moment: Moment) -> Answer:
    """One change, now or as it was."""
    id_ = _id(call)
    change, version = await fold(call, FLAG_CHANGE, id_, moment)
    return json_answer(view_of(id_, change, version), headers=(etag(version),))


@operation(
    "GET",
    "/v1/flag-changes/{id}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def flag_change_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a change."""
    stream = FLAG_CHANGE.stream(_id(call))
    return await stream_history(call, call.tenant, stream, page, NoSuchFlagChange())


@operation(
    "GET",
    "/v1/flag-changes",
    needs=READ,
    query=FlagChangesQuery,
    answers={200: FlagChangeList},
    consistent=True,
)
async def list_flag_changes(call: Call, query: FlagChangesQuery) -> Answer:
    """The changes of all flags, newest first."""
    return await _listed(call, query, query.flag)


@operation(
    "GET",
    "/v1/flags/{key}/changes",
    needs=READ,
    query=OfFlagQuery,
    answers={200: FlagChangeList},
    consistent=True,
)
async def list_changes_of_flag(call: Call, query: OfFlagQuery) -> Answer:
    """The changes of one flag, newest first."""
    return await _listed(call, query, known_foreign_name(call.params["key"], missing))


async def _listed(call: Call, query: OfFlagQuery, flag: str | None) -> Answer:
    (before,) = read_cursor(query.cursor, str) or (None,)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_flag_changes(
            rows, flag=flag, state=query.state, before=before, limit=query.limit + 1
        )
    page, following = cut(found, query.limit, lambda row: row.id)
    items = [FlagChangeItem(**msgspec.structs.asdict(row)) for row in page]
    return json_answer(FlagChangeList(items=items, next=following))


OPERATIONS = (
    propose_flag_change,
    propose_flag_rollout,
    approve_flag_change,
    reject_flag_change,
    cancel_flag_change,
    pause_flag_change,
    resume_flag_change,
    advance_flag_change,
    get_flag_change,
    flag_change_history,
    list_flag_changes,
    list_changes_of_flag,
)
