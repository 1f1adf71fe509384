"""Tenants: whether one is there and serves."""

import re
from dataclasses import dataclass

from application.current import States
from domain.recorded import DEFAULT_TENANT, SYSTEM_TENANT
from domain.tenants import TENANT, Tenant

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}")


def names_tenant(text: str) -> bool:
    """Whether a tenant that people work in may have this name."""
    return _NAME.fullmatch(text) is not None and text != SYSTEM_TENANT


@dataclass(frozen=True)
class Tenants:
    """Tells which tenants there are, from their kept states."""

    current: States

    async def has(self, name: str) -> bool:
        """Whether there is such a tenant.

        Raises:
            Outage: when it is not kept and the log does not answer.
        """
        if name == DEFAULT_TENANT:
            return True
        if not names_tenant(name):
            return False
        tenant = await self.current.get(TENANT, name)
        return isinstance(tenant, Tenant)

    async def suspended(self, name: str) -> bool:
        """Whether the tenant serves nobody now. Raises as `has` does."""
        if name == DEFAULT_TENANT or not names_tenant(name):
            return False
        tenant = await self.current.get(TENANT, name)
        return isinstance(tenant, Tenant) and tenant.suspended is not None
