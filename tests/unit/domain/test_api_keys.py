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
    CreateServiceAccount,
    DeleteServiceAccount,
    NoSuchServiceAccount,
    ServiceAccountCreated,
    ServiceAccountDeleted,
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


def test_what_is_not_there_is_not_deleted() -> None:
    delete = DeleteServiceAccount(at=AT)
    given(SERVICE_ACCOUNT).when(delete).refused(NoSuchServiceAccount)
    gone = given(SERVICE_ACCOUNT, CREATED, ServiceAccountDeleted())
    gone.when(delete).refused(NoSuchServiceAccount)
