"""A tenant's invitations, newest first; to whom they went is read from their streams."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.invitations import (
    InvitationAccepted,
    InvitationEvent,
    InvitationRevoked,
    InvitationSent,
)
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TIME, Operation, Table, patch, put

INVITATIONS = Table(
    "invitations",
    key={"id": TEXT},
    columns={
        "role": TEXT,
        "state": TEXT,
        "expires_at": TIME,
        "created_at": TIME,
        "sent_at": BIGINT,
        "version": BIGINT,
    },
    indexes=(("sent_at",),),
)


def project(recorded: Recorded[InvitationEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    id_, event, version = recorded.stream_id, recorded.event, recorded.version
    match event:
        case InvitationSent():
            values = {
                "role": event.role,
                "state": "open",
                "expires_at": event.expires_at,
                "created_at": recorded.recorded_at,
                "sent_at": recorded.position,
                "version": version,
            }
            yield put(INVITATIONS, id_, values)
        case InvitationAccepted():
            yield patch(INVITATIONS, id_, {"state": "accepted", "version": version})
        case InvitationRevoked():
            yield patch(INVITATIONS, id_, {"state": "revoked", "version": version})


PROJECTION = Projection(
    name="invitations",
    version=1,
    tables=(INVITATIONS,),
    handles=(InvitationSent, InvitationAccepted, InvitationRevoked),
    project=project,
)


class InvitationRow(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation; `sent_at` is its place in the log."""

    id: str
    role: str
    state: str
    expires_at: datetime
    created_at: datetime
    sent_at: int
    version: int


async def find_invitations(
    rows: Rows, *, before: int | None = None, limit: int = 50
) -> list[InvitationRow]:
    """Invitations, newest first, sent before a position."""
    sql = """
        SELECT id, role, state, expires_at, created_at, sent_at, version FROM {invitations}
        WHERE sent_at < coalesce($1::bigint, 9223372036854775807)
        ORDER BY sent_at DESC LIMIT $2
    """
    return await rows.find(InvitationRow, sql, before, limit)
