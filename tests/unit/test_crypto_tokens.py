import pytest

from adapters.crypto.ids import new_id
from adapters.crypto.tokens import (
    hash_token,
    is_session_token,
    make_api_key,
    new_session_token,
    parse_api_key,
)


def test_session_tokens_are_long_and_different() -> None:
    tokens = {new_session_token().text for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(is_session_token(token) and len(token) == 46 for token in tokens)
    assert not any(is_session_token(bad) for bad in ("", "as_", "as_" + "é" * 43, "xx" + "a" * 44))


def test_only_the_token_has_its_hash() -> None:
    made = new_session_token()
    token, kept = made.text, made.hash
    assert len(kept) == 64
    assert hash_token(token) == kept
    assert hash_token(token[:-1] + ("a" if token[-1] != "a" else "b")) != kept
    assert hash_token("\ud800") != kept


def test_an_api_key_tells_its_id_and_is_known_by_its_hash() -> None:
    id_ = new_id()
    key = make_api_key(id_)
    assert parse_api_key(key.text) == key.id == id_
    assert hash_token(key.text) == key.hash
    assert make_api_key(id_).text != key.text


@pytest.mark.parametrize(
    "text",
    ["", "annals_", "annals_12_ab", "annals_" + "0" * 32, "annals_" + "g" * 32 + "_" + "a" * 43],
)
def test_what_is_no_api_key_has_no_id(text: str) -> None:
    assert parse_api_key(text) is None
