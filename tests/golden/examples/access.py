"""Events of access and tenants, one of each type."""

from domain.access import OwnerKeySet
from domain.api_keys import ApiKeyIssued, ApiKeyRevoked
from domain.decider import Event
from domain.invitations import InvitationAccepted, InvitationRevoked, InvitationSent
from domain.memberships import MembershipEnded, MembershipGranted
from domain.roles import RoleDefined, RoleDeleted, RoleGiven, RoleTaken
from domain.service_accounts import (
    ServiceAccountCreated,
    ServiceAccountDeleted,
    ServiceAccountRenamed,
    ServiceAccountRoleChanged,
)
from domain.tenants import TenantCreated, TenantJoined, TenantLeft, TenantResumed, TenantSuspended
from tests.golden.examples.moment import AT

EVENTS: list[Event] = [
    MembershipGranted(role="admin"),
    MembershipEnded(reason="left"),
    ApiKeyIssued(
        person="a1",
        name="ci",
        holder="account/a1",
        tenant="default",
        scopes=("flags:read", "flags:write"),
        secret_hash="h",
        expires_at=AT,
    ),
    ApiKeyRevoked(holder="account/a1", tenant="default"),
    RoleDefined(permissions=("flags:read",)),
    RoleDeleted(),
    RoleGiven(holder="account/a1"),
    RoleTaken(holder="account/a1"),
    ServiceAccountCreated(name="ci", role="admin"),
    ServiceAccountRenamed(name="cd"),
    ServiceAccountRoleChanged(role="viewer"),
    ServiceAccountDeleted(),
    TenantCreated(owner="a1"),
    TenantSuspended(reason="unpaid"),
    TenantResumed(),
    TenantJoined(tenant="acme"),
    TenantLeft(tenant="acme"),
    InvitationSent(
        person="a1",
        email="ada@example.org",
        address="t1",
        role="member",
        token_hash="t1",
        expires_at=AT,
        inviter="account/a2",
    ),
    InvitationAccepted(account="a1"),
    InvitationRevoked(),
    OwnerKeySet(key="k1"),
]
