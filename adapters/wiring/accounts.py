"""How accounts are wired."""

import adapters.http.accounts
import projections.memberships
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.accounts import Register, RegisterHandler
from application.memberships import GrantRole, GrantRoleHandler
from domain.accounts import ACCOUNT, EMAIL
from domain.memberships import MEMBERSHIP


def _handlers(services: Services) -> Handlers:
    return {
        Register: RegisterHandler(
            hasher=services.hasher,
            email_hash=services.email_hash,
            now=services.now,
            new_id=services.new_id,
        ),
        GrantRole: GrantRoleHandler(services.sessions, services.now),
    }


CAPABILITY = Capability(
    name="accounts",
    deciders=(ACCOUNT, EMAIL, MEMBERSHIP),
    handlers=_handlers,
    projections=(projections.memberships.PROJECTION,),
    operations=adapters.http.accounts.OPERATIONS,
)
