"""How accounts are wired."""

import adapters.http.accounts
import projections.accounts
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.accounts import GrantRoleHandler, Register, RegisterHandler
from domain.accounts import ACCOUNT, EMAIL, GrantRole


def _handlers(services: Services) -> Handlers:
    return {
        Register: RegisterHandler(
            hasher=services.hasher,
            email_hash=services.email_hash,
            now=services.now,
            new_id=services.new_id,
        ),
        GrantRole: GrantRoleHandler(services.sessions),
    }


CAPABILITY = Capability(
    name="accounts",
    deciders=(ACCOUNT, EMAIL),
    handlers=_handlers,
    projections=(projections.accounts.PROJECTION,),
    operations=adapters.http.accounts.OPERATIONS,
)
