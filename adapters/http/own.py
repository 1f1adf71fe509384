"""Things that belong to who made them: some roles deal with all of them, others with their own."""

from adapters.http.calls import Call
from domain.access import MissingPermission


def requester(call: Call, everybodys: str, own: str) -> str | None:
    """Whose things the caller may deal with: None is everybody's, else an owner's id.

    Raises:
        MissingPermission: when the caller's role has neither permission.
    """
    if everybodys in call.principal.permissions:
        return None
    try:
        call.require(own)
    except MissingPermission:
        call.require(everybodys)
    return call.principal.id
