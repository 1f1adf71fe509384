"""How tenants are wired."""

import adapters.http.invitations
import adapters.http.members
import adapters.http.tenants
import projections.invitations
import projections.tenants
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.bus import OneStream
from application.invitations import (
    Accept,
    AcceptHandler,
    Invite,
    InviteHandler,
    Uninvite,
    UninviteHandler,
)
from application.making_tenants import MakeTenant, MakeTenantHandler
from application.memberships import Leave, LeaveHandler, RemoveMember, RemoveMemberHandler
from domain.invitations import INVITATION
from domain.tenants import ACCOUNT_TENANTS, TENANT, ResumeTenant, SuspendTenant


def _handlers(services: Services) -> Handlers:
    now = services.now
    tenant = OneStream(TENANT, lambda command: command.tenant)
    return {
        MakeTenant: MakeTenantHandler(now),
        SuspendTenant: tenant,
        ResumeTenant: tenant,
        RemoveMember: RemoveMemberHandler(now),
        Leave: LeaveHandler(now),
        Invite: InviteHandler(services.letters, services.limiter, services.email_hash, now),
        Uninvite: UninviteHandler(now),
        Accept: AcceptHandler(services.sessions, now),
    }


CAPABILITY = Capability(
    name="tenants",
    deciders=(TENANT, ACCOUNT_TENANTS, INVITATION),
    handlers=_handlers,
    projections=(projections.tenants.PROJECTION, projections.invitations.PROJECTION),
    operations=(
        *adapters.http.tenants.OPERATIONS,
        *adapters.http.members.OPERATIONS,
        *adapters.http.invitations.OPERATIONS,
    ),
)
