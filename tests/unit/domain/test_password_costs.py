"""What is decided about the costs of passwords' hashes."""

from datetime import UTC, datetime

from domain.password_costs import (
    MOST_COSTS,
    PASSWORD_COSTS,
    NotePasswordCosts,
    PasswordCosts,
    PasswordCostsNoted,
    TooManyPasswordCosts,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
TODAY = PasswordCosts(function="argon2id", passes=2, memory_kib=19_456)
BCRYPT = PasswordCosts(function="bcrypt", passes=12)


def test_costs_are_noted_once() -> None:
    both = NotePasswordCosts(costs=(TODAY, BCRYPT, BCRYPT), at=AT)
    today = PasswordCostsNoted(costs=(TODAY,))
    given(PASSWORD_COSTS).when(both).then(PasswordCostsNoted(costs=(TODAY, BCRYPT)))
    given(PASSWORD_COSTS, today).when(both).then(PasswordCostsNoted(costs=(BCRYPT,)))
    given(PASSWORD_COSTS, today, PasswordCostsNoted(costs=(BCRYPT,))).when(both).then()


def test_only_so_many_can_be_told_apart() -> None:
    many = tuple(PasswordCosts(function="bcrypt", passes=each) for each in range(MOST_COSTS))
    given(PASSWORD_COSTS).when(NotePasswordCosts(costs=many, at=AT)).then(
        PasswordCostsNoted(costs=many)
    )
    more = NotePasswordCosts(costs=(*many, TODAY), at=AT)
    given(PASSWORD_COSTS).when(more).refused(TooManyPasswordCosts)
    again = NotePasswordCosts(costs=many[:1], at=AT)
    given(PASSWORD_COSTS, PasswordCostsNoted(costs=many)).when(again).then()
