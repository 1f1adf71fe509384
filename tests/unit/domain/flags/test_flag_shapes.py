from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment
from domain.flags.documents import LeftOut
from domain.flags.exchange import Form, read_document, write_document
from domain.flags.rules import Rule, Setting
from domain.flags.shapes import shape_of
from domain.flags.state import About, Flag, Segment
from domain.flags.variants import Payload, Variant

ENVIRONMENT = "production"
SEGMENTS = {
    "plain": Segment(condition=Constraint(field="plan", operator="IN", values=("pro",))),
    "gone": Segment(
        condition=Constraint(field="plan", operator="IN", values=("old",)), archived=True
    ),
}
VARIANTS = tuple(
    Variant(name=name, weight=weight, payload=Payload(type="string", value=name))
    for name, weight in (("a", 1000), ("b", 0))
)

constraints: st.SearchStrategy[Condition] = st.builds(
    Constraint,
    field=st.sampled_from(["country", "plan", "userId"]),
    operator=st.sampled_from(["IN", "NOT_IN", "STR_CONTAINS"]),
    values=st.sampled_from([("NO",), ("NO", "SE"), ("",)]),
    inverted=st.booleans(),
)
named = st.builds(InSegment, segment=st.just("plain"), inverted=st.booleans())


def _nested(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, max_size=3).map(tuple)
    return st.builds(AllOf, of=several) | st.builds(AnyOf, of=several)


conditions = st.recursive(constraints | named, _nested, max_leaves=5)


@st.composite
def sets_of_rules(draw: st.DrawFn) -> Setting:
    rules = [
        Rule(
            id=f"r{number}",
            title=draw(st.sampled_from(["", "some"])),
            disabled=draw(st.booleans()),
            condition=draw(conditions),
            strategy=draw(st.sampled_from(["default", "userWithId"])),
            parameters={"userIds": "7, 8"},
            serve=draw(st.sampled_from(["", "a", "b"])),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    rollout = draw(st.sampled_from([0, 30, 100]))
    return Setting(enabled=True, rollout=rollout, rules=tuple(rules), variants=VARIANTS)


@pytest.mark.parametrize("form", ["unleash", "flagd"])
@settings(max_examples=60)
@given(given_=sets_of_rules())
def test_what_a_document_holds_comes_back_in_its_shape(form: Form, given_: Setting) -> None:
    flag = Flag(about=About(group="f", kind="string"), settings={ENVIRONMENT: given_})
    document, left_out = write_document(form, {"f": flag}, SEGMENTS, ENVIRONMENT)
    found = read_document(form, document, ENVIRONMENT)
    assert found.warnings == ()
    assert found.flags.keys() == {"f"} - {each.name for each in left_out}
    for imported in found.flags.values():
        assert shape_of(imported.setting) == shape_of(given_)


def test_a_segment_that_the_document_lacks_is_spelt_out() -> None:
    nested = Segment(condition=AnyOf(of=(SEGMENTS["plain"].condition,)))
    rules = (Rule(id="r", condition=InSegment(segment="nested")),)
    setting = Setting(enabled=True, rules=rules)
    flag = Flag(about=About(group="f"), settings={ENVIRONMENT: setting})
    document, left_out = write_document("unleash", {"f": flag}, {"nested": nested}, ENVIRONMENT)
    assert left_out == [
        LeftOut(
            kind="segment",
            name="nested",
            reasons=("has nested conditions, in Unleash none can",),
        )
    ]
    found: Any = read_document("unleash", document, ENVIRONMENT).flags["f"].setting.rules[0]
    assert found.condition == AllOf(of=(SEGMENTS["plain"].condition,))
