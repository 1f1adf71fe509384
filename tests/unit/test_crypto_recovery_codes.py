"""Recovery codes: too long to guess, and forgiving to type."""

import re

import pytest

from adapters.crypto.recovery_codes import PaperCodes

CODES = PaperCodes()


def test_codes_have_120_random_bits() -> None:
    codes = {CODES.new() for _ in range(100)}
    assert len(codes) == 100
    assert all(
        re.fullmatch(r"([0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}", each) for each in codes
    )


@pytest.mark.parametrize("typed", ["0123-ABCD", "o i23abcd", "0l23 abcd", "OI23-aBcD"])
def test_a_code_may_be_typed_in_many_ways(typed: str) -> None:
    assert CODES.hash(typed) == CODES.hash("0123-abcd")


def test_another_code_has_another_hash() -> None:
    assert CODES.hash("0123-abcd") != CODES.hash("0123-abce")


def test_what_is_no_text_has_a_hash_too() -> None:
    assert CODES.hash("\ud800") != CODES.hash("")
