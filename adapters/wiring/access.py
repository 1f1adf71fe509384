"""How access is wired."""

import adapters.http.access
import adapters.http.api_keys
import adapters.http.roles
import adapters.http.service_accounts
import projections.api_keys
import projections.roles
import projections.service_accounts
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.access import SetOwner, SetOwnerHandler
from application.api_keys import (
    AddServiceAccount,
    AddServiceAccountHandler,
    AlterServiceAccount,
    AlterServiceAccountHandler,
    DropApiKey,
    DropApiKeyHandler,
    MakeApiKey,
    MakeApiKeyHandler,
    RemoveServiceAccount,
    RemoveServiceAccountHandler,
)
from application.roles import PutRole, PutRoleHandler, RemoveRole, RemoveRoleHandler
from domain.access import OWNER_SEAT
from domain.api_keys import API_KEY
from domain.roles import ROLE
from domain.service_accounts import SERVICE_ACCOUNT


def _handlers(services: Services) -> Handlers:
    now = services.now
    return {
        SetOwner: SetOwnerHandler(now),
        PutRole: PutRoleHandler(now),
        RemoveRole: RemoveRoleHandler(now),
        MakeApiKey: MakeApiKeyHandler(now),
        DropApiKey: DropApiKeyHandler(now),
        AddServiceAccount: AddServiceAccountHandler(now),
        AlterServiceAccount: AlterServiceAccountHandler(now),
        RemoveServiceAccount: RemoveServiceAccountHandler(now),
    }


CAPABILITY = Capability(
    name="access",
    deciders=(API_KEY, OWNER_SEAT, ROLE, SERVICE_ACCOUNT),
    handlers=_handlers,
    projections=(
        projections.roles.PROJECTION,
        projections.api_keys.PROJECTION,
        projections.service_accounts.PROJECTION,
    ),
    operations=(
        *adapters.http.access.OPERATIONS,
        *adapters.http.roles.OPERATIONS,
        *adapters.http.api_keys.OPERATIONS,
        *adapters.http.service_accounts.OPERATIONS,
    ),
)
