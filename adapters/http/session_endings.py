"""Ending sessions over HTTP: one of one's own, all others, all, or all of somebody else's.

Who has stolen a session must not throw its owner out, so ending others takes a fresh proof.
"""

from typing import Literal

import msgspec

from adapters.http.answers import Answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.cookies import drop_session_cookie
from adapters.http.names import known_id
from adapters.http.operations import SIGNED_IN, operation
from adapters.http.session_lists import missing_session
from adapters.http.sessions import NoCurrentSession
from application.revocations import RevokeAllSessions, RevokeSession
from domain.accounts import NoSuchAccount


class RevocationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of my sessions end: all, or all others than the one of this request."""

    scope: Literal["others", "all"]


@operation(
    "DELETE", "/v1/sessions/{id}", needs=SIGNED_IN, answers={204: None}, fresh=True, lasting=False
)
async def revoke_session(call: Call) -> Answer:
    """End one of my sessions: it opens nothing any more, anywhere."""
    account = call.person
    id_ = known_id(call.params["id"], missing_session)
    gone = _gone(call, here=id_ == call.principal.session)
    command = RevokeSession(session=id_, account=account)
    return await execute(call, command, lambda _result, _version: gone)


@operation(
    "POST",
    "/v1/sessions/revoke",
    needs=SIGNED_IN,
    body=RevocationBody,
    answers={204: None},
    fresh=True,
    lasting=False,
)
async def revoke_sessions(call: Call, body: RevocationBody) -> Answer:
    """End all of my sessions, or all others: they open nothing any more, anywhere."""
    account, current, kept = call.person, call.principal.session, ""
    if body.scope == "others":
        if current is None:
            raise NoCurrentSession
        kept = current
    gone = _gone(call, here=not kept)
    command = RevokeAllSessions(account=account, kept=kept)
    return await execute(call, command, lambda _result, _version: gone)


@operation(
    "POST",
    "/v1/accounts/{id}/revoke-sessions",
    needs="accounts:write",
    answers={204: None},
    fresh=True,
    lasting=False,
)
async def revoke_sessions_of_account(call: Call) -> Answer:
    """End all sessions of an account, in every tenant: they open nothing any more, anywhere."""
    id_ = known_id(call.params["id"], lambda _account: NoSuchAccount())
    command = RevokeAllSessions(account=id_)
    return await execute(call, command, no_content)


def _gone(call: Call, *, here: bool) -> Answer:
    """The answer; where the session of this request has ended, its browser is told to forget it."""
    return Answer(204, headers=drop_session_cookie(call) if here else ())


OPERATIONS = (revoke_session, revoke_sessions, revoke_sessions_of_account)
