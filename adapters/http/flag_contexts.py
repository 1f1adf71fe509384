"""Recorded contexts over HTTP: that they can be erased. Drafts are tried on them."""

import msgspec

from adapters.http.answers import Answer
from adapters.http.calls import Call
from adapters.http.names import Name
from adapters.http.operations import operation
from application.flags import DEFAULT_ENVIRONMENT


class ContextsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which environment's."""

    environment: Name = DEFAULT_ENVIRONMENT


@operation(
    "DELETE",
    "/v1/flags/contexts",
    needs="flags:write",
    query=ContextsQuery,
    answers={204: None},
    keyed=False,
)
async def erase_contexts(call: Call, query: ContextsQuery) -> Answer:
    """Forget the contexts that were recorded in an environment."""
    await call.platform.services.recorded_contexts.erase(call.tenant, query.environment)
    return Answer(204)


OPERATIONS = (erase_contexts,)
