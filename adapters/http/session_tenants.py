"""The tenant of a session over HTTP."""

import msgspec

from adapters.http.answers import Answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.operations import SIGNED_IN, operation
from adapters.http.sessions import (
    NoCurrentSession,
    SessionStartedView,
    TenantName,
    rendered_session,
)
from application.session_tenants import ChooseTenant


class ChosenTenantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant that I belong to."""

    tenant: TenantName


@operation(
    "PUT",
    "/v1/sessions/current/tenant",
    needs=SIGNED_IN,
    body=ChosenTenantBody,
    answers={201: SessionStartedView},
    lasting=True,
)
async def choose_tenant(call: Call, body: ChosenTenantBody) -> Answer:
    """Go on in another tenant: a new session takes this one's place, as fresh as it was."""
    if call.session is None:
        raise NoCurrentSession
    command = ChooseTenant(
        session=call.session, tenant=body.tenant, address=call.address, device=call.device
    )
    return await execute(call, command, rendered_session(call))


OPERATIONS = (choose_tenant,)
