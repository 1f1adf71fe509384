"""Sessions over HTTP: sign in, look, sign out."""

from datetime import datetime
from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.cookies import drop_session_cookie, set_session_cookie
from adapters.http.names import Typed
from adapters.http.operations import ANYONE, SIGNED_IN, operation
from adapters.http.relying_party import relying_party
from adapters.http.sign_ins import replaced_session
from application.sessions import SignIn, SignOut
from application.signing_in import SignedIn
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Conflict, NotFound

TenantName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9.~-]{0,99}$")]


class CredentialsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person signs in with, and the tenant that the session is for."""

    email: Typed
    password: Typed
    tenant: TenantName = DEFAULT_TENANT


class SessionStartedView(msgspec.Struct, frozen=True, kw_only=True):
    """The session that was started; its token is told only here."""

    id: str
    token: str
    account: str
    expires_at: datetime


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """The session that a request was sent in."""

    id: str
    account: str
    tenant: str
    role: str
    created_at: datetime
    expires_at: datetime


class NoCurrentSession(NotFound):
    """The credential is an API key, which is no session."""

    slug = "no-current-session"
    title = "An API key has no session"


class KeysDoNotSignOut(Conflict):
    """The credential is an API key, which stays good until it is revoked."""

    slug = "keys-do-not-sign-out"
    title = "An API key cannot sign out"


@operation(
    "POST",
    "/v1/sessions",
    needs=ANYONE,
    body=CredentialsBody,
    answers={201: SessionStartedView},
)
async def sign_in(call: Call, body: CredentialsBody) -> Answer:
    """Sign in: gives a bearer token, and the same as a cookie for browsers.

    A browser that is in a session already leaves that one for the new one.

    Where the account has a second factor, the answer is 401 `second-factor-required`.
    """
    command = SignIn(
        email=body.email,
        password=body.password,
        address=call.address,
        device=call.device,
        party=relying_party(call),
        replaces=await replaced_session(call),
        tenant=body.tenant,
    )
    return await execute(call, command, rendered_session(call))


def rendered_session(call: Call) -> Render:
    """How a session that was just started is answered."""

    def render(signed_in: SignedIn, _version: int) -> Answer:
        view = SessionStartedView(
            id=signed_in.id,
            token=signed_in.token,
            account=signed_in.account,
            expires_at=signed_in.expires_at,
        )
        cookie = set_session_cookie(call, signed_in.token, signed_in.expires_at)
        return json_answer(view, 201, (*cookie, (b"location", b"/v1/sessions/current")))

    return render


@operation("GET", "/v1/sessions/current", needs=SIGNED_IN, answers={200: SessionView})
async def get_current_session(call: Call) -> Answer:
    """The session that this request is sent in."""
    session = call.session
    if session is None:
        raise NoCurrentSession
    view = SessionView(
        id=session.id,
        account=session.account,
        tenant=session.tenant,
        role=call.principal.role,
        created_at=session.created_at,
        expires_at=session.expires_at,
    )
    return json_answer(view)


@operation("DELETE", "/v1/sessions/current", needs=SIGNED_IN, answers={204: None})
async def sign_out(call: Call) -> Answer:
    """Sign out: the session opens nothing any more."""
    session = call.principal.session
    if session is None:
        raise KeysDoNotSignOut
    command = SignOut(session=session, account=call.principal.id)
    gone = Answer(204, headers=drop_session_cookie(call))
    return await execute(call, command, lambda _result, _version: gone)


OPERATIONS = (sign_in, get_current_session, sign_out)
