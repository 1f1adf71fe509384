"""What the memberships' decider decides."""

from datetime import UTC, datetime

from domain.memberships import (
    MEMBERSHIP,
    ChangeRole,
    EndMembership,
    GrantMembership,
    MembershipEnded,
    MembershipGranted,
    NoSuchMember,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
JOINED = MembershipGranted(role="member")
ADMIN = MembershipGranted(role="admin")
LEFT = MembershipEnded(reason="left")


def test_an_account_joins_once() -> None:
    join = GrantMembership(role="member", at=AT)
    given(MEMBERSHIP).when(join).then(JOINED)
    given(MEMBERSHIP, JOINED).when(join).then()


def test_a_role_is_changed_once() -> None:
    change = ChangeRole(role="admin", at=AT)
    given(MEMBERSHIP, JOINED).when(change).then(ADMIN)
    given(MEMBERSHIP, JOINED, ADMIN).when(change).then()


def test_only_a_member_has_a_role_to_change() -> None:
    change = ChangeRole(role="admin", at=AT)
    given(MEMBERSHIP).when(change).refused(NoSuchMember)
    given(MEMBERSHIP, JOINED, LEFT).when(change).refused(NoSuchMember)


def test_a_member_leaves_once() -> None:
    leave = EndMembership(reason="left", at=AT)
    given(MEMBERSHIP, JOINED).when(leave).then(LEFT)
    given(MEMBERSHIP, JOINED, LEFT).when(leave).then()
    given(MEMBERSHIP).when(leave).then()


def test_who_has_left_may_join_again() -> None:
    given(MEMBERSHIP, JOINED, LEFT).when(GrantMembership(role="member", at=AT)).then(JOINED)
