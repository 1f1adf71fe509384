"""Open sessions: where the sessions in Redis are rebuilt from.

The hash of a token opens nothing, so it may stand here as it stands in Redis.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.accounts import AccountSessionsRevoked
from domain.recorded import Recorded
from domain.sessions import SessionEnded, SessionEvent, SessionStarted
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TIME, Operation, Table, delete, put

SESSIONS = Table(
    "sessions",
    key={"id": TEXT},
    columns={
        "token_hash": TEXT,
        "account": TEXT,
        "chosen_tenant": TEXT,
        "created_at": TIME,
        "authenticated_at": TIME,
        "expires_at": TIME,
        "position": BIGINT,
    },
    indexes=(("expires_at",),),
)


BARS = Table(
    "bars",
    key={"account": TEXT},
    columns={"position": BIGINT},
)
"""Up to where in the log an account's sessions were ended, all at once."""


def project(recorded: Recorded[SessionEvent | AccountSessionsRevoked]) -> Iterable[Operation]:
    """How an event changes the rows."""
    event = recorded.event
    match event:
        case SessionStarted():
            values = {
                "token_hash": event.token_hash,
                "account": event.account,
                "chosen_tenant": event.tenant,
                "created_at": recorded.recorded_at,
                "authenticated_at": event.authenticated_at,
                "expires_at": event.expires_at,
                "position": recorded.position,
            }
            yield put(SESSIONS, recorded.stream_id, values)
        case SessionEnded():
            yield delete(SESSIONS, recorded.stream_id)
        case AccountSessionsRevoked():
            yield put(BARS, recorded.stream_id, {"position": recorded.position})


PROJECTION = Projection(
    name="sessions",
    version=2,
    tables=(SESSIONS, BARS),
    handles=(SessionStarted, SessionEnded, AccountSessionsRevoked),
    project=project,
)


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was started and not ended."""

    id: str
    token_hash: str
    account: str
    chosen_tenant: str
    created_at: datetime
    authenticated_at: datetime
    expires_at: datetime
    position: int


async def find_open_sessions(
    rows: Rows, *, at: datetime, after: str = "", limit: int = 1000
) -> list[SessionRow]:
    """Sessions that have not expired at a moment, by id."""
    sql = """
        SELECT id, token_hash, account, chosen_tenant, created_at, authenticated_at, expires_at,
            position
        FROM {sessions} AS s
        WHERE expires_at > $1 AND id > $2 AND NOT EXISTS (
            SELECT FROM {bars} AS b WHERE b.account = s.account AND b.position >= s.position
        )
        ORDER BY id LIMIT $3
    """
    return await rows.find(SessionRow, sql, at, after, limit)
