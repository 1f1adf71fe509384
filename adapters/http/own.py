"""Things that belong to who made them: some roles deal with all of them, others with their own."""

from adapters.http.calls import Call
from domain.access import PERMISSIONS, MissingPermission, require


def requester(call: Call, everybodys: str, own: str) -> str | None:
    """Whose things the caller may deal with: None is everybody's, else an owner's id.

    Raises:
        MissingPermission: when the caller's role has neither permission.
    """
    role = call.principal.role
    if everybodys in PERMISSIONS.get(role, frozenset()):
        return None
    try:
        require(role, own)
    except MissingPermission:
        require(role, everybodys)
    return call.principal.id
