from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment
from domain.flags.rules import Rule, Setting
from domain.flags.state import About, Flag, Segment, Segments
from domain.flags.unleash_folding import SHORT, folded_terms
from tests.support.unleash_documents import ENVIRONMENT, answered, asked, served

ODD = [
    "Ann",
    "ann\u017f",  # the long s, which is small already
    "ann\u212a",  # the Kelvin sign, whose small form is k
    "\u0130stanbul",  # the dotted capital, which becomes two characters
    "i\u0307stanbul",
    "ΟΔΟΣ",
    "οδος",
    "οδοσ",
    "ΣΑΣ ΣΑ",
    "Straße",
    "STRASSE",
    "STRA\u1e9eE",
    "\u0307a",
    "\u0130a",
    "Ǆ",
    "ǅ",
    "ß",
    "a|b",
    "[x]",
    "a.b",
    "a\nb",
    " x ",
    "日本",
    "🙂",
    "a\\",
]
MANY = tuple(f"Person{number:05}@Example.org" for number in range(10_000))
OF_MANY_LENGTHS = tuple(f"{'x' * (number % 60)}{number:05}" for number in range(3000))


def variations(text: str) -> list[str]:
    return [text, text.lower(), text.upper(), text.title(), text.swapcase(), f"x{text}", text[1:]]


ASKED = [*dict.fromkeys(each for text in ODD for each in variations(text)), None]


def folding(operator: Any, values: tuple[str, ...], **more: Any) -> Constraint:
    return Constraint(field="team", operator=operator, values=values, case_insensitive=True, **more)


def flag(condition: Condition, **more: Any) -> dict[str, Flag]:
    rule = Rule(id="r", condition=condition, **more)
    setting = Setting(enabled=True, rules=(rule,))
    return {"f": Flag(about=About(group="f"), settings={ENVIRONMENT: setting})}


def agree(flags: dict[str, Flag], teams: list[str | None], segments: Segments | None = None) -> Any:
    asking = [
        {"userId": str(number), "currentTime": "2026-03-01T12:00:00Z", "properties": properties}
        for number, team in enumerate(teams)
        for properties in ([{}] if team is None else [{"team": team}])
    ]
    document = served(flags, segments or {})
    ours = answered(flags, segments or {}, asking)
    assert asked(document, asking) == ours
    assert {each["f"][0] for each in ours} == {True, False}
    return document


@settings(max_examples=60)
@given(
    operator=st.sampled_from(["IN", "NOT_IN"]),
    inverted=st.booleans(),
    values=st.lists(st.sampled_from(ODD), min_size=1, max_size=4).map(tuple),
)
def test_few_values_are_folded_as_we_fold_them(
    *, operator: str, inverted: bool, values: tuple[str, ...]
) -> None:
    agree(flag(folding(operator, values, inverted=inverted)), ASKED)


@cache
def crowd() -> tuple[str, ...]:
    """So many values that their ends are compared, the odd ones among them."""
    return (*MANY[:200], *(f"{each}-{number}" for number in range(20) for each in ODD), *ODD)


@pytest.mark.parametrize("operator", ["IN", "NOT_IN"])
def test_many_values_are_folded_as_we_fold_them(operator: str) -> None:
    assert sum(map(len, crowd())) > SHORT
    asking = [*ASKED, MANY[7].upper(), MANY[7][1:], f"x{MANY[7]}", MANY[5000]]
    agree(flag(folding(operator, crowd())), asking)


@pytest.mark.parametrize("operator", ["IN", "NOT_IN"])
def test_ten_thousand_values_are_all_found(operator: str) -> None:
    asking = [MANY[0].upper(), MANY[-1].lower(), MANY[5000], MANY[5000][1:], "nobody", None]
    document = agree(flag(folding(operator, MANY)), asking)
    constraints = [
        constraint
        for strategy in document["features"][0]["strategies"]
        for constraint in strategy["constraints"]
    ]
    patterns = [each["value"] for each in constraints if each["operator"] == "REGEX"]
    assert max(map(len, patterns)) < 100
    assert any(len(each["values"]) == len(MANY) for each in constraints)


@pytest.mark.parametrize("operator", ["IN", "NOT_IN"])
def test_values_of_many_lengths_are_all_found(operator: str) -> None:
    some = [text.upper() for text in OF_MANY_LENGTHS[::300]]
    agree(flag(folding(operator, OF_MANY_LENGTHS)), [*some, "x", "xx00000", None])


def test_of_the_terms_only_ever_one_holds() -> None:
    values = crowd()
    for constraint in (folding("IN", values), folding("NOT_IN", values)):
        for term in folded_terms(constraint):
            flags = flag(AllOf(of=term))
            others = AnyOf(
                of=tuple(AllOf(of=each) for each in folded_terms(constraint) if each is not term)
            )
            asking = [
                {"userId": "1", "properties": {} if team is None else {"team": team}}
                for team in ASKED
            ]
            here, there = (answered(each, {}, asking) for each in (flags, flag(others)))
            assert not any(a["f"][0] and b["f"][0] for a, b in zip(here, there, strict=True))


def test_a_share_of_many_values_is_the_same_share() -> None:
    parameters = {"rollout": "50", "stickiness": "userId", "groupId": "f"}
    flags = flag(folding("IN", MANY), strategy="flexibleRollout", parameters=parameters)
    agree(flags, [text.upper() for text in MANY[::400]])


def test_a_segment_of_many_values_is_spelt_out_in_the_rules() -> None:
    segments = {"many": Segment(condition=folding("IN", OF_MANY_LENGTHS))}
    document = agree(
        flag(InSegment(segment="many")), [OF_MANY_LENGTHS[2000].upper(), "nobody"], segments
    )
    assert all(each["segments"] == [] for each in document["features"][0]["strategies"])
