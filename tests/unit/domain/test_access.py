"""What roles may do, and what the keys' deciders decide."""

from datetime import UTC, datetime

import pytest

from domain.access import (
    API_KEY,
    OWNER_SEAT,
    PERMISSIONS,
    ApiKeyIssued,
    ApiKeyRevoked,
    ApiKeyTaken,
    IssueApiKey,
    MissingPermission,
    OwnerHasChanged,
    OwnerKeySet,
    RevokeApiKey,
    SetOwnerKey,
    require,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
ISSUE = IssueApiKey(name="ci", role="admin", tenant="default", secret_hash="h", at=AT)
ISSUED = ApiKeyIssued(name="ci", role="admin", tenant="default", secret_hash="h")
REVOKE = RevokeApiKey(key="k", at=AT)


def test_a_key_is_issued_once() -> None:
    given(API_KEY).when(ISSUE).then(ISSUED)
    given(API_KEY, ISSUED).when(ISSUE).refused(ApiKeyTaken)


def test_a_key_is_revoked_once() -> None:
    given(API_KEY, ISSUED).when(REVOKE).then(ApiKeyRevoked())
    given(API_KEY, ISSUED, ApiKeyRevoked()).when(REVOKE).then()


def test_the_owners_key_changes_only_from_the_one_that_was_seen() -> None:
    first = SetOwnerKey(key="k1", replaces="", at=AT)
    given(OWNER_SEAT).when(first).then(OwnerKeySet(key="k1"))
    given(OWNER_SEAT, OwnerKeySet(key="k0")).when(first).refused(OwnerHasChanged)


def test_the_refusal_names_the_permission() -> None:
    with pytest.raises(MissingPermission) as refused:
        require("member", "flags:write")
    assert refused.value.facts == {"permission": "flags:write"}


def test_who_may_more_may_all_that_others_may() -> None:
    assert PERMISSIONS["admin"] < PERMISSIONS["owner"]


def test_an_unknown_role_may_nothing() -> None:
    with pytest.raises(MissingPermission):
        require("nobody", "actions:run")
