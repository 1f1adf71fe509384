"""Invitations over HTTP: ask an address into the tenant, and accept what came by mail."""

from datetime import datetime
from typing import Annotated

import msgspec

from adapters.crypto.invitation_tokens import make_invitation_token, parse_invitation_token
from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import NO_NUL, Name, known_id
from adapters.http.operations import SIGNED_IN, operation
from adapters.http.paging import Page, read_cursor
from application.invitations import Accept, Invite, Uninvite
from application.inviters import INVITING
from application.memberships import RoleAccepted
from domain.invitations import INVITATION, Invitation, NoInvitation, NoSuchInvitation, WrongToken
from projections import invitations as projection

READ, WRITE = "members:read", INVITING

Address = Annotated[str, msgspec.Meta(max_length=1000, extra_json_schema=NO_NUL)]
Token = Annotated[str, msgspec.Meta(max_length=300, extra_json_schema=NO_NUL)]


class InvitationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to ask, and to be what."""

    email: Address
    role: Name


class TokenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The token that came by mail."""

    token: Token


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation; `email` is there for who may see what is personal, until it is erased.

    `state` is open, accepted, revoked or expired.
    """

    id: str
    email: str | None
    role: str
    state: str
    expires_at: datetime
    version: int


class ListedInvitation(InvitationView, frozen=True, kw_only=True):
    """An invitation in the list."""

    created_at: datetime


class InvitationList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of invitations, newest first."""

    items: list[ListedInvitation]
    next: str | None


class JoinedView(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant that was joined."""

    tenant: str
    role: str


def _missing(_id: str) -> NoSuchInvitation:
    return NoSuchInvitation()


def _state(call: Call, invitation: Invitation) -> str:
    if invitation.accepted_by:
        return "accepted"
    if invitation.revoked:
        return "revoked"
    return "expired" if invitation.expires_at <= call.platform.now() else "open"


def _view(
    call: Call, id_: str, invitation: NoInvitation | Invitation, version: int
) -> InvitationView:
    if isinstance(invitation, NoInvitation):
        raise NoSuchInvitation
    shown = "personal:read" in call.principal.permissions and isinstance(invitation.email, str)
    return InvitationView(
        id=id_,
        email=str(invitation.email) if shown else None,
        role=invitation.role,
        state=_state(call, invitation),
        expires_at=invitation.expires_at,
        version=version,
    )


@operation(
    "POST",
    "/v1/invitations",
    needs=WRITE,
    body=InvitationBody,
    answers={201: InvitationView},
    fresh=True,
)
async def invite(call: Call, body: InvitationBody) -> Answer:
    """Ask an address, by mail, into the tenant; the token in it works once, for 7 days.

    It opens nothing while the sender (the account, or the key) may not grant the role.
    """
    id_ = call.platform.new_id()
    command = Invite(
        id=str(id_),
        inviter=call.principal.credential,
        token=make_invitation_token(call.tenant, id_),
        email=body.email,
        role=body.role,
        held=call.principal.permissions,
    )

    def render(invitation: Invitation, version: int) -> Answer:
        location = (b"location", f"/v1/invitations/{id_}".encode())
        view = _view(call, str(id_), invitation, version)
        return json_answer(view, 201, (etag(version), location))

    return await execute(call, command, render)


@operation(
    "POST",
    "/v1/invitations/accept",
    needs=SIGNED_IN,
    body=TokenBody,
    answers={200: JoinedView},
    lasting=True,
)
async def accept_invitation(call: Call, body: TokenBody) -> Answer:
    """Join the tenant that asked the caller's address.

    Who is a member of `default` only for having registered gets the role there, if it opens
    something to them, and keeps no session but this one. The answer tells what they are now.
    """
    account, named = call.person, parse_invitation_token(body.token)
    if named is None:
        raise WrongToken
    session = call.principal.session or ""
    call.principal = msgspec.structs.replace(call.principal, tenant=named.tenant)
    command = Accept(id=str(named.id), token_hash=named.hash, account=account, session=session)

    def render(given: RoleAccepted, _version: int) -> Answer:
        return json_answer(JoinedView(tenant=named.tenant, role=given.role))

    return await execute(call, command, render)


@operation(
    "DELETE",
    "/v1/invitations/{id}",
    needs=WRITE,
    answers={204: None},
    conditional=True,
)
async def revoke_invitation(call: Call) -> Answer:
    """Take an invitation back: its token opens nothing any more."""
    command = Uninvite(id=known_id(call.params["id"], _missing))
    return await execute(call, command, no_content)


@operation(
    "GET",
    "/v1/invitations/{id}",
    needs=READ,
    query=Moment,
    answers={200: InvitationView},
    consistent=True,
)
async def get_invitation(call: Call, moment: Moment) -> Answer:
    """One invitation, now or as it was."""
    id_ = known_id(call.params["id"], _missing)
    invitation, version = await fold(call, INVITATION, id_, moment)
    return json_answer(_view(call, id_, invitation, version), headers=(etag(version),))


@operation(
    "GET",
    "/v1/invitations",
    needs=READ,
    query=Page,
    answers={200: InvitationList},
    consistent=True,
)
async def list_invitations(call: Call, page: Page) -> Answer:
    """The tenant's invitations, newest first."""
    (before,) = read_cursor(page.cursor, int) or (None,)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_invitations(rows, before=before, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.sent_at)
    items = [await _listed(call, row) for row in shown]
    return json_answer(InvitationList(items=items, next=following))


async def _listed(call: Call, row: projection.InvitationRow) -> ListedInvitation:
    """A row with what its stream says: no read model holds anything of a person's."""
    invitation = await call.platform.current.get(INVITATION, row.id, call.tenant)
    view = _view(call, row.id, invitation, row.version)
    return ListedInvitation(**msgspec.structs.asdict(view), created_at=row.created_at)


@operation(
    "GET",
    "/v1/invitations/{id}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def invitation_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to an invitation."""
    id_ = known_id(call.params["id"], _missing)
    return await stream_history(call, call.tenant, INVITATION.stream(id_), page, NoSuchInvitation())


OPERATIONS = (
    invite,
    accept_invitation,
    revoke_invitation,
    get_invitation,
    list_invitations,
    invitation_history,
)
