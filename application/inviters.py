"""Whoever has invited somebody, at the moment in which that is accepted.

An invitation may wait for a week. Who is removed meanwhile, or whose key is revoked, has to be gone
with all that they could still let in: so an invitation opens what its sender may open then.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from application.access import Holders, KeyAuthenticator
from application.current import WatchedStates
from application.roles import NOTHING, opened_by
from application.unit import Unit
from domain.api_keys import API_KEY

INVITING = "members:write"
"""What who invites needs."""


async def may_still_invite(
    unit: Unit, inviter: str, role: str, now: Callable[[], datetime]
) -> bool:
    """Whether a sender may grant a role in the unit's tenant; it stays so until that is recorded.

    `inviter` is what the invitation was asked with: `account/<id>` or `api-key/<id>`.

    Raises:
        Invalid: the tenant has no such role any more.
    """
    held = await _held(unit, inviter, now)
    return INVITING in held and await opened_by(unit, role) <= held


async def _held(unit: Unit, inviter: str, now: Callable[[], datetime]) -> frozenset[str]:
    states, tenant = WatchedStates(unit), unit.context.tenant
    category, _, id_ = inviter.partition("/")
    if category == API_KEY.category:
        principal = await KeyAuthenticator(states, now).without_secret(UUID(id_), tenant)
        return NOTHING if principal is None else principal.permissions
    standing = await Holders(states)(inviter, tenant)
    return NOTHING if standing is None else standing.permissions
