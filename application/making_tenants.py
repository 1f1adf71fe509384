"""A tenant is made: together with the membership of its first owner."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.memberships import admit
from application.unit import Done, Unit
from domain.access import OWNER
from domain.accounts import ACCOUNT, Account
from domain.rejections import Fault, Invalid
from domain.tenants import TENANT, CreateTenant, Tenant


class MakeTenant(msgspec.Struct, frozen=True, kw_only=True):
    """Make a tenant, whose first owner is an account (empty: nobody yet).

    It is carried out in the tenant that it makes.
    """

    name: str
    owner: str


@dataclass(frozen=True)
class MakeTenantHandler:
    """Carries out `MakeTenant`: the tenant and its owner's membership in one append."""

    now: Callable[[], datetime]

    async def __call__(self, command: MakeTenant, run: Run) -> Done[Tenant]:
        """Make the tenant.

        Raises:
            TenantTaken: there is one of this name.
            Invalid: at `/owner`, when there is no such account.
        """

        async def decide(unit: Unit) -> Tenant:
            at = self.now()
            tenant = await unit.decide(
                TENANT, command.name, CreateTenant(owner=command.owner, at=at)
            )
            assert isinstance(tenant, Tenant)  # noqa: S101 - or the decider has refused
            if command.owner:
                account = await unit.guard(ACCOUNT, command.owner)
                if not isinstance(account, Account):
                    detail = "there is no such account"
                    raise Invalid(Fault(pointer="/owner", code="unknown-account", detail=detail))
                await admit(unit, command.owner, OWNER, at)
            return tenant

        return await run(decide, lanes=[(TENANT, command.name)])
