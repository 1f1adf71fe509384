"""What the deciders of tenants and invitations decide."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.invitations import (
    INVITATION,
    AcceptInvitation,
    InvitationAccepted,
    InvitationRevoked,
    InvitationSent,
    NoSuchInvitation,
    RevokeInvitation,
    WrongToken,
)
from domain.tenants import (
    ACCOUNT_TENANTS,
    TENANT,
    CreateTenant,
    JoinTenant,
    LeaveTenant,
    NoSuchTenant,
    ResumeTenant,
    SuspendTenant,
    TenantCreated,
    TenantJoined,
    TenantLeft,
    TenantResumed,
    TenantSuspended,
    TenantTaken,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
CREATED = TenantCreated(owner="a1")
SUSPEND = SuspendTenant(tenant="acme", reason="unpaid", at=AT)
SUSPENDED = TenantSuspended(reason="unpaid")
SENT = InvitationSent(
    person="address-h",
    email="ada@example.org",
    address="h",
    role="member",
    token_hash="t",
    expires_at=AT + timedelta(days=7),
)
ACCEPT = AcceptInvitation(account="a1", address="h", token_hash="t", at=AT)
ACCEPTED = InvitationAccepted(account="a1")


def test_a_tenants_name_is_taken_once() -> None:
    given(TENANT).when(CreateTenant(owner="a1", at=AT)).then(CREATED)
    given(TENANT, CREATED).when(CreateTenant(owner="a2", at=AT)).refused(TenantTaken)


def test_a_tenant_is_suspended_and_resumed_once() -> None:
    given(TENANT, CREATED).when(SUSPEND).then(SUSPENDED)
    given(TENANT, CREATED, SUSPENDED).when(SUSPEND).then()
    resume = ResumeTenant(tenant="acme", at=AT)
    given(TENANT, CREATED, SUSPENDED).when(resume).then(TenantResumed())
    given(TENANT, CREATED).when(resume).then()


def test_nothing_is_done_to_a_tenant_that_is_not_there() -> None:
    given(TENANT).when(SUSPEND).refused(NoSuchTenant)
    given(TENANT).when(ResumeTenant(tenant="acme", at=AT)).refused(NoSuchTenant)


def test_where_an_account_belongs_is_noted_once() -> None:
    join, leave = JoinTenant(tenant="acme", at=AT), LeaveTenant(tenant="acme", at=AT)
    joined = TenantJoined(tenant="acme")
    given(ACCOUNT_TENANTS).when(join).then(joined)
    given(ACCOUNT_TENANTS, joined).when(join).then()
    given(ACCOUNT_TENANTS, joined).when(leave).then(TenantLeft(tenant="acme"))
    given(ACCOUNT_TENANTS).when(leave).then()


def test_a_token_opens_one_membership_once() -> None:
    given(INVITATION, SENT).when(ACCEPT).then(ACCEPTED)
    given(INVITATION, SENT, ACCEPTED).when(ACCEPT).refused(WrongToken)


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_hash": "other"},
        {"address": "other"},
        {"address": ""},
        {"at": AT + timedelta(days=7)},
    ],
    ids=str,
)
def test_a_token_opens_nothing_to_others_nor_too_late(wrong: dict[str, object]) -> None:
    accept = msgspec.structs.replace(ACCEPT, **wrong)
    given(INVITATION, SENT).when(accept).refused(WrongToken)


def test_what_was_revoked_or_never_sent_opens_nothing() -> None:
    given(INVITATION, SENT, InvitationRevoked()).when(ACCEPT).refused(WrongToken)
    given(INVITATION).when(ACCEPT).refused(WrongToken)


def test_an_invitation_is_revoked_while_it_stands() -> None:
    revoke = RevokeInvitation(at=AT)
    given(INVITATION, SENT).when(revoke).then(InvitationRevoked())
    given(INVITATION, SENT, ACCEPTED).when(revoke).then()
    given(INVITATION, SENT, InvitationRevoked()).when(revoke).then()
    given(INVITATION).when(revoke).refused(NoSuchInvitation)
