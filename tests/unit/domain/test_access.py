"""Which permissions there are and how far they reach, and whose the installation is."""

from datetime import UTC, datetime

import pytest

from domain.access import (
    BUILT_IN,
    INSTALLATION,
    OWNER_SEAT,
    PERMISSIONS,
    TENANT,
    MissingPermission,
    OwnerHasChanged,
    OwnerKeySet,
    SetOwnerKey,
    check_grant,
    require,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_owners_key_changes_only_from_the_one_that_was_seen() -> None:
    first = SetOwnerKey(key="k1", replaces="", at=AT)
    given(OWNER_SEAT).when(first).then(OwnerKeySet(key="k1"))
    given(OWNER_SEAT, OwnerKeySet(key="k0")).when(first).refused(OwnerHasChanged)


def test_the_refusal_names_the_permission() -> None:
    with pytest.raises(MissingPermission) as refused:
        require(BUILT_IN["member"], "flags:write")
    assert refused.value.facts == {"permission": "flags:write"}


def test_a_permission_reaches_into_a_tenant_or_beyond_and_never_both() -> None:
    assert not TENANT & INSTALLATION
    assert TENANT | INSTALLATION == PERMISSIONS


def test_no_role_of_a_tenant_reaches_beyond_it() -> None:
    assert all(permissions <= TENANT for permissions in BUILT_IN.values())
    assert BUILT_IN["owner"] == TENANT


def test_who_may_more_may_all_that_others_may() -> None:
    assert BUILT_IN["member"] < BUILT_IN["admin"] < BUILT_IN["owner"]
    assert BUILT_IN["viewer"] < BUILT_IN["admin"]


def test_a_viewer_reads_and_sees_nothing_personal() -> None:
    viewer = BUILT_IN["viewer"]
    assert all(each.endswith(":read") for each in viewer)
    assert not viewer & {"personal:read", "logs:read", "cache:read"}
    assert {"flags:read", "events:read", "members:read"} < viewer


def test_nobody_grants_what_they_lack() -> None:
    check_grant(BUILT_IN["admin"], BUILT_IN["viewer"])
    with pytest.raises(MissingPermission) as refused:
        check_grant(BUILT_IN["admin"], BUILT_IN["owner"])
    assert refused.value.facts == {"permission": "roles:write"}
