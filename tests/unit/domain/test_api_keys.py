"""What the deciders of API keys and service accounts decide."""

from datetime import UTC, datetime

from domain.api_keys import (
    API_KEY,
    ApiKeyIssued,
    ApiKeyRevoked,
    ApiKeyTaken,
    IssueApiKey,
    RevokeApiKey,
)
from domain.service_accounts import (
    SERVICE_ACCOUNT,
    ChangeServiceAccount,
    CreateServiceAccount,
    DeleteServiceAccount,
    NoSuchServiceAccount,
    ServiceAccount,
    ServiceAccountCreated,
    ServiceAccountDeleted,
    ServiceAccountRenamed,
    ServiceAccountRoleChanged,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
ISSUE = IssueApiKey(
    name="ci",
    holder="account/a1",
    tenant="default",
    scopes=("flags:read",),
    secret_hash="h",
    expires_at=AT,
    at=AT,
)
ISSUED = ApiKeyIssued(
    person="a1",
    name="ci",
    holder="account/a1",
    tenant="default",
    scopes=("flags:read",),
    secret_hash="h",
    expires_at=AT,
)
REVOKE = RevokeApiKey(key="k", at=AT)
REVOKED = ApiKeyRevoked(holder="account/a1", tenant="default")
CREATED = ServiceAccountCreated(name="ci", role="admin")


def test_a_key_is_issued_once() -> None:
    given(API_KEY).when(ISSUE).then(ISSUED)
    given(API_KEY, ISSUED).when(ISSUE).refused(ApiKeyTaken)


def test_a_key_is_revoked_once() -> None:
    given(API_KEY, ISSUED).when(REVOKE).then(REVOKED)
    given(API_KEY, ISSUED, REVOKED).when(REVOKE).then()
    given(API_KEY).when(REVOKE).then()


def test_a_service_account_is_created_and_deleted() -> None:
    create = CreateServiceAccount(name="ci", role="admin", at=AT)
    given(SERVICE_ACCOUNT).when(create).then(CREATED)
    given(SERVICE_ACCOUNT, CREATED).when(DeleteServiceAccount(at=AT)).then(ServiceAccountDeleted())


def test_a_service_account_gets_another_name_and_role() -> None:
    renamed, moved = ServiceAccountRenamed(name="cd"), ServiceAccountRoleChanged(role="viewer")
    created = given(SERVICE_ACCOUNT, CREATED)
    created.when(ChangeServiceAccount(name="cd", at=AT)).then(renamed)
    created.when(ChangeServiceAccount(role="viewer", at=AT)).then(moved)
    both = ChangeServiceAccount(name="cd", role="viewer", at=AT)
    created.when(both).then(renamed, moved)
    given(SERVICE_ACCOUNT, CREATED, renamed, moved).when(both).then()
    assert SERVICE_ACCOUNT.fold([CREATED, renamed]) == ServiceAccount("cd", "admin")
    assert SERVICE_ACCOUNT.fold([CREATED, moved]) == ServiceAccount("ci", "viewer")


def test_what_changes_to_what_it_is_does_not_change() -> None:
    created = given(SERVICE_ACCOUNT, CREATED)
    created.when(ChangeServiceAccount(name="ci", role="admin", at=AT)).then()
    created.when(ChangeServiceAccount(at=AT)).then()


def test_what_is_not_there_is_neither_changed_nor_deleted() -> None:
    gone = [CREATED, ServiceAccountDeleted()]
    for command in (DeleteServiceAccount(at=AT), ChangeServiceAccount(name="cd", at=AT)):
        given(SERVICE_ACCOUNT).when(command).refused(NoSuchServiceAccount)
        given(SERVICE_ACCOUNT, *gone).when(command).refused(NoSuchServiceAccount)
