"""What a role's decider decides, and that it counts its holders whatever happens."""

from datetime import UTC, datetime

from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.rejections import Rejection
from domain.roles import (
    ROLE,
    DefineRole,
    DeleteRole,
    GiveRole,
    LastOwner,
    NoSuchRole,
    Role,
    RoleDefined,
    RoleDeleted,
    RoleGiven,
    RoleInUse,
    RoleTaken,
    TakeRole,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
DEFINE = DefineRole(permissions=("flags:read",), at=AT)
DEFINED = RoleDefined(permissions=("flags:read",))
DELETE = DeleteRole(at=AT)
HOLDERS = ("account/a", "account/b", "service-account/c")


def gives(holder: str, *, built_in: bool = False) -> GiveRole:
    return GiveRole(holder=holder, built_in=built_in, at=AT)


def takes(holder: str, *, must_be_held: bool = False) -> TakeRole:
    return TakeRole(holder=holder, must_be_held=must_be_held, at=AT)


def test_a_role_is_defined_and_the_same_again_changes_nothing() -> None:
    given(ROLE).when(DEFINE).then(DEFINED)
    given(ROLE, DEFINED).when(DEFINE).then()


def test_a_role_that_nobody_has_is_deleted() -> None:
    given(ROLE, DEFINED).when(DELETE).then(RoleDeleted())
    given(ROLE, DEFINED, RoleDeleted()).when(DELETE).refused(NoSuchRole)


def test_a_role_in_use_stays_and_tells_how_many_have_it() -> None:
    held = given(ROLE, DEFINED, *(RoleGiven(holder=each) for each in HOLDERS))
    assert held.when(DELETE).refused(RoleInUse).facts == {"holders": 3}


def test_only_a_role_that_is_there_is_given() -> None:
    given(ROLE).when(gives("account/a")).refused(NoSuchRole)
    given(ROLE).when(gives("account/a", built_in=True)).then(RoleGiven(holder="account/a"))
    given(ROLE, DEFINED, RoleDeleted()).when(gives("account/a")).refused(NoSuchRole)


def test_the_last_owner_stays() -> None:
    one = given(ROLE, RoleGiven(holder="account/a"))
    one.when(takes("account/a", must_be_held=True)).refused(LastOwner)
    two = given(ROLE, RoleGiven(holder="account/a"), RoleGiven(holder="account/b"))
    two.when(takes("account/a", must_be_held=True)).then(RoleTaken(holder="account/a"))


COMMANDS = st.one_of(
    st.just(DEFINE),
    st.just(DELETE),
    st.builds(gives, st.sampled_from(HOLDERS)),
    st.builds(takes, st.sampled_from(HOLDERS)),
)


@drawn(st.lists(COMMANDS, max_size=30))
def test_whoever_has_a_role_has_one_that_is_there(commands: list[object]) -> None:
    role, held = ROLE.initial, set[str]()
    for command in commands:
        try:
            events = ROLE.decide(role, command)  # type: ignore[arg-type]  # they are a role's
        except Rejection:
            continue
        role = ROLE.fold(events, role)
        if isinstance(command, GiveRole):
            held.add(command.holder)
        if isinstance(command, TakeRole):
            held.discard(command.holder)
        assert role.holders == held
        assert role.permissions is not None or not held


def test_a_role_begins_with_nothing() -> None:
    assert ROLE.initial == Role()
