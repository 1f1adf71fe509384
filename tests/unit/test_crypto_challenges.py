"""Sealed challenges: only ours open, and only for what they were made."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.crypto.challenges import SealedChallenges
from adapters.crypto.master import MasterKey
from application.second_factors.ports import SealedChallenge

CHALLENGES = SealedChallenges(MasterKey(b"m" * 32))
CHALLENGE = SealedChallenge(
    id="c1", expires_at=datetime(2026, 1, 1, tzinfo=UTC), account="a1", password="hash"
)
SEALED = CHALLENGES.seal("sign-in", CHALLENGE)


def test_a_challenge_opens_for_its_purpose() -> None:
    assert CHALLENGES.open("sign-in", SEALED) == CHALLENGE


def test_a_challenge_opens_for_no_other_purpose() -> None:
    assert CHALLENGES.open("register", SEALED) is None


def test_another_installations_challenge_opens_nothing() -> None:
    other = SealedChallenges(MasterKey(b"o" * 32))
    assert CHALLENGES.open("sign-in", other.seal("sign-in", CHALLENGE)) is None


def test_two_challenges_are_never_the_same_text() -> None:
    assert CHALLENGES.seal("sign-in", CHALLENGE) != SEALED


@pytest.mark.parametrize("index", range(0, len(SEALED) - 1, 7))
def test_a_changed_challenge_opens_nothing(index: int) -> None:
    other = "A" if SEALED[index] != "A" else "B"
    assert CHALLENGES.open("sign-in", SEALED[:index] + other + SEALED[index + 1 :]) is None


@given(st.text())
def test_any_other_text_opens_nothing(text: str) -> None:
    assert CHALLENGES.open("sign-in", text) is None
    if text.strip("="):
        assert CHALLENGES.open("sign-in", SEALED + text) is None
