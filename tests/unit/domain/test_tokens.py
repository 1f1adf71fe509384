"""What the token families' decider decides."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.tokens import (
    REMEMBERED,
    TOKEN_FAMILY,
    EndedFamily,
    Family,
    IssueTokens,
    RefreshTokens,
    ReportReuse,
    RevokeTokens,
    TokenFamilyTaken,
    TokenReused,
    TokensEvent,
    TokensIssued,
    TokensRefreshed,
    TokensReused,
    TokensRevoked,
    WrongToken,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = AT + timedelta(hours=1)
ISSUE = IssueTokens(
    session="s",
    account="a",
    refresh_hash="h1",
    expires_at=UNTIL,
    tenant="acme",
    own_session=False,
    at=AT,
)
ISSUED = TokensIssued(
    session="s", account="a", refresh_hash="h1", expires_at=UNTIL, tenant="acme", own_session=False
)
REFRESHED = TokensRefreshed(refresh_hash="h2")
ENDS = [TokensReused(), TokensRevoked()]


def use(hash_: str, next_hash: str = "h9", at: datetime = AT) -> RefreshTokens:
    return RefreshTokens(refresh_hash=hash_, next_hash=next_hash, at=at)


def test_a_family_begins_with_its_first_token() -> None:
    given(TOKEN_FAMILY).when(ISSUE).then(ISSUED)


@pytest.mark.parametrize("after", [(), (TokensRevoked(),)])
def test_a_family_begins_once(after: tuple[TokensEvent, ...]) -> None:
    given(TOKEN_FAMILY, ISSUED, *after).when(ISSUE).refused(TokenFamilyTaken)


def test_the_good_token_gives_the_next_one() -> None:
    given(TOKEN_FAMILY, ISSUED).when(use("h1", "h2")).then(REFRESHED)
    given(TOKEN_FAMILY, ISSUED, REFRESHED).when(use("h2", "h3")).then(
        TokensRefreshed(refresh_hash="h3")
    )


def test_a_used_token_is_told_apart_from_one_that_never_was() -> None:
    family = given(TOKEN_FAMILY, ISSUED, REFRESHED)
    family.when(use("h1")).refused(TokenReused)
    assert type(family.when(use("h7")).refused(WrongToken)) is WrongToken


@pytest.mark.parametrize("events", [[], [ISSUED, ENDS[0]], [ISSUED, ENDS[1]]])
def test_without_a_family_that_counts_no_token_is_good(events: list[TokensEvent]) -> None:
    refusal = given(TOKEN_FAMILY, *events).when(use("h1")).refused(WrongToken)
    assert type(refusal) is WrongToken


def test_no_token_is_good_once_the_session_has_expired() -> None:
    last = UNTIL - timedelta(microseconds=1)
    given(TOKEN_FAMILY, ISSUED).when(use("h1", "h2", last)).then(REFRESHED)
    given(TOKEN_FAMILY, ISSUED).when(use("h1", at=UNTIL)).refused(WrongToken)


def test_only_a_used_token_ends_a_family_as_reused() -> None:
    family = given(TOKEN_FAMILY, ISSUED, REFRESHED)
    family.when(ReportReuse(refresh_hash="h1", at=AT)).then(TokensReused())
    for innocent in ("h2", "h7"):
        family.when(ReportReuse(refresh_hash=innocent, at=AT)).then()


def test_reuse_is_reported_once() -> None:
    report = ReportReuse(refresh_hash="h1", at=AT)
    given(TOKEN_FAMILY, ISSUED, REFRESHED, TokensReused()).when(report).then()
    given(TOKEN_FAMILY).when(report).then()


@pytest.mark.parametrize("hash_", ["h1", "h2"])
def test_the_good_token_and_a_used_one_give_the_family_back(hash_: str) -> None:
    revoke = RevokeTokens(refresh_hash=hash_, at=AT)
    given(TOKEN_FAMILY, ISSUED, REFRESHED).when(revoke).then(TokensRevoked())


def test_a_stranger_gives_nothing_back() -> None:
    revoke = RevokeTokens(refresh_hash="h7", at=AT)
    given(TOKEN_FAMILY, ISSUED).when(revoke).then()
    given(TOKEN_FAMILY).when(revoke).then()
    given(TOKEN_FAMILY, ISSUED, TokensRevoked()).when(RevokeTokens(refresh_hash="h1", at=AT)).then()


def test_what_is_remembered_of_used_tokens_is_bounded() -> None:
    refreshed = [TokensRefreshed(refresh_hash=f"n{each}") for each in range(REMEMBERED + 1)]
    family = TOKEN_FAMILY.fold([ISSUED, *refreshed])
    assert isinstance(family, Family)
    assert len(family.used) == REMEMBERED
    assert "h1" not in family.used
    assert family.used[-1] == f"n{REMEMBERED - 1}"


HASHES = st.sampled_from(["h1", "h2", "h3"])
EVENTS = st.lists(
    st.one_of(
        HASHES.map(lambda each: TokensRefreshed(refresh_hash=each)),
        st.sampled_from([ISSUED, *ENDS]),
    )
)


@for_all(EVENTS)
def test_any_events_in_any_order_fold(events: list[TokensEvent]) -> None:
    TOKEN_FAMILY.fold(events)


@for_all(st.lists(st.integers(0, 5), max_size=30))
def test_of_all_tokens_that_were_ever_given_only_the_last_is_good(uses: list[int]) -> None:
    """Somebody uses tokens in any order: the line goes on or ends, and never forks."""
    given_out, state = ["h1"], TOKEN_FAMILY.fold([ISSUED])
    for turn, back in enumerate(uses):
        token = given_out[max(0, len(given_out) - 1 - back)]
        try:
            events = TOKEN_FAMILY.decide(state, use(token, f"t{turn}"))
        except TokenReused:
            assert token != given_out[-1]
            state = TOKEN_FAMILY.fold(
                TOKEN_FAMILY.decide(state, ReportReuse(refresh_hash=token, at=AT)), state
            )
            assert isinstance(state, EndedFamily)
        except WrongToken:
            assert isinstance(state, EndedFamily)
        else:
            assert token == given_out[-1]
            state = TOKEN_FAMILY.fold(events, state)
            given_out.append(f"t{turn}")
