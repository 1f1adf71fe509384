"""How access are wired."""

import adapters.http.access
from adapters.capability import Capability
from application.access import SetOwner, SetOwnerHandler
from domain.access import API_KEY, OWNER_SEAT

CAPABILITY = Capability(
    name="access",
    deciders=(API_KEY, OWNER_SEAT),
    handlers=lambda services: {SetOwner: SetOwnerHandler(now=services.now)},
    operations=adapters.http.access.OPERATIONS,
)
