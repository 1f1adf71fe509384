"""What may enter, and how the rest is named."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from application.boundary import (
    MAX_DEPTH,
    MAX_EVENT,
    check_decoded,
    check_json,
    check_stream,
    check_text,
)
from domain.rejections import Fault, Invalid

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
    max_leaves=20,
)


def holds_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(holds_nul(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return any(map(holds_nul, value))
    return isinstance(value, str) and "\0" in value


@given(json_values)
@example("\\u0000")
def test_everything_that_can_be_read_back_is_let_in(value: object) -> None:
    encoded = msgspec.json.encode(value)
    if holds_nul(value):
        with pytest.raises(Invalid):
            check_json(encoded)
    else:
        check_json(encoded)


@given(st.binary())
def test_whatever_is_let_in_is_json(data: bytes) -> None:
    try:
        check_json(data)
    except Invalid:
        return
    msgspec.json.decode(data)


@pytest.mark.parametrize(
    ("data", "pointer", "code"),
    [
        (rb'{"a":[1,{"b/c":"\u0000"}]}', "/input/a/1/b~1c", "nul"),
        (rb'{"a\u0000":1}', "/input/a\N{REPLACEMENT CHARACTER}", "nul"),
        (rb'{"n":[9223372036854775808]}', "/input/n/0", "integer"),
        (rb'{"n":-9223372036854775809}', "/input/n", "integer"),
        (rb'"\ud800"', "/input", "json"),
        (rb"1e999", "/input", "json"),
        (b'{"a":"\xff"}', "/input", "json"),
        (b"{} {}", "/input", "json"),
        (b"[" * 65 + b"]" * 65, "/input", "depth"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "/input", "depth"),
        (b"[" * 1_000_000, "/input", "depth"),
    ],
)
def test_what_is_wrong_is_named_and_found(data: bytes, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as invalid:
        check_json(data, pointer="/input")
    [fault] = invalid.value.faults
    assert (fault.pointer, fault.code) == (pointer, code)


@pytest.mark.parametrize(
    "data",
    [
        rb'"\\u0000 is only a word"',
        b"9223372036854775807",
        b'"12345678901234567890123456789012345678901234567890"',
        b'{"a":"' + b"[{" * 500 + b'\\"]"}',
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b"[" + b",".join([b"[]"] * 1000) + b"]",
        b'"' + b"x" * MAX_EVENT + b'"',
        '"\U0001f600 \\ud83d\\ude00"'.encode(),
    ],
)
def test_what_only_looks_wrong_is_let_in(data: bytes) -> None:
    check_json(data)


@given(json_values | st.integers(-(2**70), 2**70))
def test_what_was_just_decoded_is_judged_alike(value: object) -> None:
    encoded = json.dumps(value).encode()
    assert _faults(check_decoded, encoded) == _faults(check_json, encoded)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_what_was_just_decoded_is_no_deeper(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    assert _faults(check_decoded, nested) == _faults(check_json, nested)


def _faults(check: Callable[[bytes], None], data: bytes) -> tuple[Fault, ...]:
    try:
        check(data)
    except Invalid as invalid:
        return tuple(invalid.faults)
    return ()


@pytest.mark.parametrize("name", ["a/1", "api-key/x", "a/b/c", "email/é", "a/" + "x" * 198])
def test_a_stream_has_a_category_and_an_id(name: str) -> None:
    check_stream(name)


@pytest.mark.parametrize(
    "name",
    ["", "a", "/", "a/", "/1", "A/1", "1/1", "a b/1", "a/\n", "a/\x7f", "a/\x00", "a/\ud800",
     "a/" + "x" * 199, "a/" + "é" * 100],
)  # fmt: skip
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_stream(name)


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_any_text_without_nul_and_surrogates_is_let_in(text: str) -> None:
    check_text(text)


@given(st.text(), st.sampled_from("\x00\ud800\udfff"), st.text())
def test_nul_and_surrogates_never_are(before: str, bad: str, after: str) -> None:
    with pytest.raises(Invalid):
        check_text(before + bad + after)
