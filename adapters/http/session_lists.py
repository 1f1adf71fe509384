"""Lists of sessions over HTTP: one's own, and who was signed in at a moment.

What counts now is what requests are checked against. A tenant sees the sessions that were begun for
it, and no trace of those for others. Device and address are personal, so no list keeps them: they
are read from each session's own events, and gone once the person is erased. There is no place
beside the address: that would need a foreign database of who is where, which is wrong often enough
to frighten people.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from adapters.devices import readable_device
from adapters.http.accounts import EVERYBODYS
from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.moments import Moment, consistent_after, fold, in_utc, position_of
from adapters.http.names import known_id
from adapters.http.operations import SIGNED_IN, operation
from application.last_seen import SESSION_KIND
from application.positions import Position
from domain.access import NotAPerson
from domain.accounts import NoSuchAccount
from domain.decider import Erased
from domain.memberships import MEMBERSHIP, Membership
from domain.recorded import SYSTEM_TENANT
from domain.sessions import SESSION, EndedSession, NoSession, NoSuchSession, OpenSession
from projections import sessions as projection

MOST = 200
"""Sessions in one list, the newest first."""

WHOSE = "Only a person has sessions; add ?account= to list those of an account of the tenant."

Known = Literal["signed_in", "unknown"]


class SessionsQuery(Moment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose sessions, and when; one's own, now, where nothing else is said."""

    account: (
        Annotated[
            str,
            msgspec.Meta(max_length=100, description="An account of the tenant (accounts:read)."),
        ]
        | None
    ) = None


class SessionItem(msgspec.Struct, frozen=True, kw_only=True):
    """A session that counts, or counted at the moment.

    `last_seen_at` is coarse, and null where nobody knows how it was at that moment. Of others, and
    of a moment, there is also the `role` that the account had in the tenant then, and `state`:
    `unknown` where nothing tells whether the session had been idle for too long.
    """

    id: str
    device: str | None
    address: str | None
    created_at: datetime
    last_seen_at: datetime | None
    current: bool
    role: str | msgspec.UnsetType = msgspec.UNSET
    state: Known | msgspec.UnsetType = msgspec.UNSET


class SessionItems(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions, the newest first; 200 at most."""

    items: list[SessionItem]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A session of a list, before its own events were asked."""

    id: str
    created_at: datetime
    last_seen_at: datetime | None
    state: Known = "signed_in"


@operation(
    "GET",
    "/v1/sessions",
    needs=SIGNED_IN,
    query=SessionsQuery,
    answers={200: SessionItems},
    consistent=True,
)
async def list_sessions(call: Call, query: SessionsQuery) -> Answer:
    """My sessions, or those of an account of the tenant, now or as they were.

    Of others those that they began for the caller's tenant; whoever runs the installation sees all.
    """
    moment = Moment(at=query.at, position=query.position)
    is_now = moment == Moment()
    if query.account is None:
        account, personal, role = _oneself(call), True, None
    else:
        account, role = await _of_tenant(call, query.account, moment)
        personal = "personal:read" in call.principal.permissions
    await consistent_after(call)
    tenant = _only_of(call, account)
    found = (
        await _now(call, account, tenant) if is_now else await _then(call, account, tenant, moment)
    )
    if role is None and not is_now:
        role = await _role(call, account, moment)
    items = [
        item
        for each in found
        if (item := await _item(call, each, moment, role, personal=personal)) is not None
    ]
    return json_answer(SessionItems(items=items))


def _oneself(call: Call) -> str:
    """The account that asks.

    Raises:
        NotAPerson: a program does; it is told how to ask for somebody.
    """
    try:
        return call.person
    except NotAPerson:
        raise NotAPerson(WHOSE) from None


async def _of_tenant(call: Call, text: str, moment: Moment) -> tuple[str, str]:
    """An account that is or was a member of the caller's tenant, and its role there.

    Raises:
        MissingPermission: the caller may not read accounts.
        NoSuchAccount: it was no member at that moment.
    """
    call.require("accounts:read")
    account = known_id(text, lambda _: NoSuchAccount())
    role = await _role(call, account, moment)
    if not role:
        raise NoSuchAccount
    return account, role


def _is_mine(call: Call, account: str) -> bool:
    return call.principal.actor == f"account/{account}"


def _only_of(call: Call, account: str) -> str | None:
    """The tenant that sessions were begun for which the caller may see; None: any."""
    if _is_mine(call, account) or EVERYBODYS in call.principal.permissions:
        return None
    return call.tenant


async def _role(call: Call, account: str, moment: Moment) -> str:
    membership, _ = await fold(call, MEMBERSHIP, account, moment)
    return membership.role if isinstance(membership, Membership) else ""


async def _now(call: Call, account: str, tenant: str | None) -> list[Seen]:
    current = call.session.id if call.session else ""
    counting = await call.platform.sessions.of_account(account)
    found = [each for each in counting if tenant in {None, each.session.tenant}]
    return [
        Seen(
            id=each.session.id,
            created_at=each.session.created_at,
            last_seen_at=call.platform.now() if each.session.id == current else each.seen_at,
        )
        for each in found[:MOST]
    ]


async def _then(call: Call, account: str, tenant: str | None, moment: Moment) -> list[Seen]:
    """The sessions that had neither ended nor expired, as far as that was recorded."""
    platform = call.platform
    number = await position_of(call, moment) or 0
    at = await _time_of(call, number, moment)
    if at is None:
        return []
    place = Position((await platform.store.tail()).incarnation, number)
    async with platform.read_models.rows(projection.PROJECTION, SYSTEM_TENANT, after=place) as rows:
        found = await projection.find_sessions_at(
            rows, account, position=number, at=at, limit=MOST, tenant=tenant
        )
    seen = await platform.services.last_seen.seen(SESSION_KIND, [row.id for row in found])
    idle = platform.settings.session_idle
    then = []
    for row in found:
        last = seen.get(row.id, row.created_at)
        if last <= at - idle and row.id in seen:
            continue  # it was never used again, so it had expired
        then.append(
            Seen(
                id=row.id,
                created_at=row.created_at,
                last_seen_at=last if last <= at else None,
                state="signed_in" if last > at - idle else "unknown",
            )
        )
    return then


async def _time_of(call: Call, number: int, moment: Moment) -> datetime | None:
    """The time that is asked for, no later than now; None before the log's first event."""
    if moment.at is not None:
        return min(in_utc(moment.at, "/at"), call.platform.now())
    events = await call.platform.store.read_log(after=number - 1, limit=1) if number else []
    return events[0].recorded_at if events else None


async def _item(
    call: Call, seen: Seen, moment: Moment, role: str | None, *, personal: bool
) -> SessionItem | None:
    """What a list shows of a session; None when it has just ended."""
    session, _ = await fold(call, SESSION, seen.id, moment)
    if not isinstance(session, OpenSession):
        return None
    device = _shown(session.device) if personal else None
    return SessionItem(
        id=seen.id,
        device=None if device is None else readable_device(device) or None,
        address=_shown(session.address) if personal else None,
        created_at=seen.created_at,
        last_seen_at=seen.last_seen_at,
        current=call.principal.session == seen.id,
        role=msgspec.UNSET if role is None else role,
        state=msgspec.UNSET if role is None else seen.state,
    )


def _shown(value: str | Erased | None) -> str | None:
    return value if isinstance(value, str) else None


def missing_session(_text: str) -> NoSuchSession:
    """What is told of a session that is unknown or not one's own."""
    return NoSuchSession()


@operation(
    "GET",
    "/v1/sessions/{id}/history",
    needs=SIGNED_IN,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def session_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to one of my sessions, or to one of a member of the tenant.

    That one was begun for the tenant, unless the caller runs the installation.
    """
    id_ = known_id(call.params["id"], missing_session)
    session, _ = await fold(call, SESSION, id_, Moment())
    if isinstance(session, NoSession):
        raise NoSuchSession
    mine = _is_mine(call, session.account)
    if not mine and not await _may_see(call, session):
        raise NoSuchSession
    stream = SESSION.stream(id_)
    return await stream_history(call, SYSTEM_TENANT, stream, page, NoSuchSession(), personal=mine)


async def _may_see(call: Call, session: OpenSession | EndedSession) -> bool:
    if not call.principal.permissions.issuperset({"accounts:read", "events:read"}):
        return False
    if _only_of(call, session.account) not in {None, session.tenant}:
        return False
    return bool(await _role(call, session.account, Moment()))


OPERATIONS = (list_sessions, session_history)
