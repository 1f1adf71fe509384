"""Access over HTTP: whose credential this is, and what it opens."""

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.operations import SIGNED_IN, operation


class PrincipalView(msgspec.Struct, frozen=True, kw_only=True):
    """Who a credential stands for."""

    actor: str
    role: str
    tenant: str
    permissions: list[str]


@operation("GET", "/v1/access/current", needs=SIGNED_IN, answers={200: PrincipalView})
async def get_current_access(call: Call) -> Answer:
    """Who this request's credential stands for, and what it opens."""
    principal = call.principal
    view = PrincipalView(
        actor=principal.actor,
        role=principal.role,
        tenant=principal.tenant,
        permissions=sorted(principal.permissions),
    )
    return json_answer(view)


OPERATIONS = (get_current_access,)
