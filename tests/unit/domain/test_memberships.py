"""What the memberships' decider decides."""

from datetime import UTC, datetime

from domain.access import BUILT_IN
from domain.memberships import (
    MEMBERSHIP,
    AcceptRole,
    AlreadyAMember,
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


def accept(role: str, *, begins_here: bool = True, at: datetime = AT) -> AcceptRole:
    return AcceptRole(role=role, opens=BUILT_IN[role], begins_here=begins_here, at=at)


def test_who_accepts_a_role_has_it() -> None:
    for begins_here in (True, False):
        given(MEMBERSHIP).when(accept("admin", begins_here=begins_here)).then(ADMIN)
        given(MEMBERSHIP, JOINED, LEFT).when(accept("admin", begins_here=begins_here)).then(ADMIN)


def test_who_is_there_by_registering_alone_accepts_what_opens_more() -> None:
    given(MEMBERSHIP, JOINED).when(accept("admin")).then(ADMIN)
    viewer = MembershipGranted(role="viewer")
    given(MEMBERSHIP, JOINED).when(accept("viewer")).then(viewer)
    given(MEMBERSHIP, JOINED).when(accept("member")).then()
    less = AcceptRole(role="runner", opens=frozenset({"actions:run"}), begins_here=True, at=AT)
    given(MEMBERSHIP, JOINED).when(less).then()


def test_who_was_let_in_accepts_no_role() -> None:
    given(MEMBERSHIP, JOINED).when(accept("admin", begins_here=False)).refused(AlreadyAMember)
    given(MEMBERSHIP, ADMIN).when(accept("owner")).refused(AlreadyAMember)
    given(MEMBERSHIP, JOINED, ADMIN).when(accept("owner")).refused(AlreadyAMember)
    given(MEMBERSHIP, JOINED, ADMIN, JOINED).when(accept("admin")).refused(AlreadyAMember)
    given(MEMBERSHIP, JOINED, LEFT, JOINED).when(accept("admin")).refused(AlreadyAMember)


def test_a_member_leaves_once() -> None:
    leave = EndMembership(reason="left", at=AT)
    given(MEMBERSHIP, JOINED).when(leave).then(LEFT)
    given(MEMBERSHIP, JOINED, LEFT).when(leave).then()
    given(MEMBERSHIP).when(leave).then()


def test_who_has_left_may_join_again() -> None:
    given(MEMBERSHIP, JOINED, LEFT).when(GrantMembership(role="member", at=AT)).then(JOINED)
