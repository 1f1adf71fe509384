"""One's own account over HTTP: look at it, change what one signs in with, close it."""

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.cookies import drop_session_cookie
from adapters.http.even_answers import evenly
from adapters.http.moments import Moment, fold
from adapters.http.names import Typed
from adapters.http.operations import SIGNED_IN, operation
from adapters.http.registration import MailedTokenBody, PendingView, pending
from adapters.http.sessions import SessionStartedView, rendered_session
from application.accounts.addresses import AskForEmailChange, ConfirmEmailChange
from application.accounts.closing import CloseOwn
from application.accounts.passwords import ChangeOwnPassword, OwnSession
from domain.accounts import ACCOUNT, Account, NoSuchAccount
from domain.decider import Erased


class MeView(msgspec.Struct, frozen=True, kw_only=True):
    """One's own account; `pending_email` waits for the token that was mailed there."""

    id: str
    email: str | None
    verified: bool
    pending_email: str | None
    tenant: str
    role: str
    version: int


class PasswordChangeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The current password, and a new one of 8 to 256 characters."""

    current_password: Typed
    password: Typed


class EmailChangeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The current password, and another e-mail address."""

    current_password: Typed
    email: Typed


class OwnClosingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The current password."""

    current_password: Typed


def _known(email: str | Erased) -> str | None:
    return None if isinstance(email, Erased) else email


@operation(
    "GET",
    "/v1/me",
    needs=SIGNED_IN,
    query=Moment,
    answers={200: MeView},
    consistent=True,
)
async def get_me(call: Call, moment: Moment) -> Answer:
    """The account of whoever is signed in, now or as it was."""
    account, version = await fold(call, ACCOUNT, call.person, moment)
    if not isinstance(account, Account):
        raise NoSuchAccount
    change = account.email_change
    view = MeView(
        id=call.person,
        email=_known(account.email),
        verified=account.verified,
        pending_email=None if change is None else _known(change.email),
        tenant=call.tenant,
        role=call.principal.role,
        version=version,
    )
    return json_answer(view, headers=(etag(version),))


@operation(
    "POST",
    "/v1/me/password",
    needs=SIGNED_IN,
    body=PasswordChangeBody,
    answers={201: SessionStartedView},
    fresh=True,
)
async def change_password(call: Call, body: PasswordChangeBody) -> Answer:
    """Change the password: all sessions end, and this one goes on under another token."""
    person, session = call.person, call.session
    assert session is not None  # noqa: S101 - a person is in a session
    command = ChangeOwnPassword(
        session=OwnSession(
            id=session.id,
            account=person,
            tenant=session.tenant,
            expires_at=session.expires_at,
            address=call.address,
            device=call.device,
        ),
        current_password=body.current_password,
        password=body.password,
    )
    return await execute(call, command, rendered_session(call))


@operation(
    "POST",
    "/v1/me/email",
    needs=SIGNED_IN,
    body=EmailChangeBody,
    answers={202: PendingView},
    fresh=True,
)
async def change_email(call: Call, body: EmailChangeBody) -> Answer:
    """Ask for another address: a token goes there. Every address is answered alike."""
    command = AskForEmailChange(
        account=call.person,
        current_password=body.current_password,
        email=body.email,
        address=call.address,
    )
    return await evenly(execute(call, command, pending))


@operation(
    "POST",
    "/v1/me/email/confirm",
    needs=SIGNED_IN,
    body=MailedTokenBody,
    answers={204: None},
    lasting=True,
)
async def confirm_email(call: Call, body: MailedTokenBody) -> Answer:
    """Give the account the address that the token was mailed to; the old one is told."""
    command = ConfirmEmailChange(account=call.person, token=body.token)
    return await execute(call, command, no_content)


@operation(
    "POST",
    "/v1/me/close",
    needs=SIGNED_IN,
    body=OwnClosingBody,
    answers={204: None},
    fresh=True,
)
async def close_me(call: Call, body: OwnClosingBody) -> Answer:
    """Close one's own account: all sessions end, and only an admin opens it again."""
    command = CloseOwn(
        account=call.person, current_password=body.current_password, address=call.address
    )
    gone = Answer(204, headers=drop_session_cookie(call))
    return await execute(call, command, lambda _result, _version: gone)


OPERATIONS = (get_me, change_password, change_email, confirm_email, close_me)
