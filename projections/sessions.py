"""Sessions: where those in Redis are rebuilt from, and who was signed in at a moment.

The hash of a token opens nothing, so it may stand here as it stands in Redis. Rows of sessions
that have ended stay; they tell nothing about a person but the account's id.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.accounts import AccountSessionsRevoked
from domain.recorded import Recorded
from domain.sessions import SessionEnded, SessionEvent, SessionStarted
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TIME, Operation, Table, nullable, patch, put

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
        "ended": nullable(BIGINT),
    },
    indexes=(("expires_at",), ("account",)),
)
"""`position` and `ended`: where the log says that it was started and ended."""


BARS = Table(
    "bars",
    key={"account": TEXT, "position": BIGINT},
    columns={"kept": TEXT},
)
"""Where in the log an account's sessions were ended, all at once but for one that was kept."""


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
            yield patch(SESSIONS, recorded.stream_id, {"ended": recorded.position})
        case AccountSessionsRevoked():
            yield put(BARS, (recorded.stream_id, recorded.position), {"kept": event.kept})


PROJECTION = Projection(
    name="sessions",
    version=3,
    tables=(SESSIONS, BARS),
    handles=(SessionStarted, SessionEnded, AccountSessionsRevoked),
    project=project,
)


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session that counts, or counted at the moment that was asked for."""

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
        WHERE expires_at > $1 AND id > $2 AND ended IS NULL AND NOT EXISTS (
            SELECT FROM {bars} AS b
            WHERE b.account = s.account AND b.position >= s.position AND b.kept <> s.id
        )
        ORDER BY id LIMIT $3
    """
    return await rows.find(SessionRow, sql, at, after, limit)


async def find_sessions_at(
    rows: Rows, account: str, *, position: int, at: datetime, limit: int, tenant: str | None = None
) -> list[SessionRow]:
    """An account's sessions that had neither ended nor expired at a moment, the newest first.

    The moment is a place in the log that these rows have reached, and its time. Where a `tenant` is
    named, only those that were begun for it.
    """
    sql = """
        SELECT id, token_hash, account, chosen_tenant, created_at, authenticated_at, expires_at,
            position
        FROM {sessions} AS s
        WHERE account = $1 AND position <= $2 AND (ended IS NULL OR ended > $2) AND expires_at > $3
        AND NOT EXISTS (
            SELECT FROM {bars} AS b
            WHERE b.account = s.account AND b.position BETWEEN s.position AND $2 AND b.kept <> s.id
        )
        AND ($5::text IS NULL OR chosen_tenant = $5)
        ORDER BY position DESC LIMIT $4
    """
    return await rows.find(SessionRow, sql, account, position, at, limit, tenant)
