from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.flags.flagd import read_flagd
from domain.rejections import Invalid
from tests.support.flagd_definitions import definitions

VARIANTS = {"yes": "Y", "no": "N"}
X = {"var": "x"}


def flag(**said: Any) -> dict[str, Any]:
    whole = {"state": "ENABLED", "variants": VARIANTS, "defaultVariant": "no", **said}
    return {"flags": {"a/b": {name: each for name, each in whole.items() if each != "left out"}}}


def targeted(logic: Any) -> dict[str, Any]:
    return flag(targeting=logic)


def faults(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        read_flagd(document)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


FLAG = "/flags/a~1b"
TARGETING = f"{FLAG}/targeting"
TEST = f"{TARGETING}/if/0"
FIRST = f"{TARGETING}/fractional/0/0"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (7, ("", "type")),
        ({}, ("/flags", "type")),
        ({"flags": 7}, ("/flags", "type")),
        ({"flags": {"": {}}}, ("/flags/", "type")),
        ({"flags": {"f": 7}}, ("/flags/f", "type")),
        ({"flags": [{"state": "ENABLED"}]}, ("/flags/0/key", "type")),
        (
            {"flags": [{"key": "f", "variants": {"a": 1}}] * 2},
            ("/flags/1", "duplicate"),
        ),
        (flag(state="ON"), (f"{FLAG}/state", "unknown-state")),
        (flag(variants="left out"), (f"{FLAG}/variants", "type")),
        (flag(variants={}), (f"{FLAG}/variants", "type")),
        (flag(variants={"yes": None}), (f"{FLAG}/variants/yes", "type")),
        (flag(variants={"yes": [1]}), (f"{FLAG}/variants/yes", "type")),
        (flag(variants={"yes": 1, "no": True}), (f"{FLAG}/variants/no", "mixed-types")),
        (flag(defaultVariant="maybe"), (f"{FLAG}/defaultVariant", "unknown-variant")),
        (flag(metadata={"a": []}), (f"{FLAG}/metadata/a", "type")),
        (targeted("maybe"), (TARGETING, "unknown-variant")),
        (targeted(5), (TARGETING, "unsupported")),
        (targeted({"var": "x"}), (TARGETING, "unsupported")),
        (targeted({"==": [X, "a"]}), (TARGETING, "unknown-variant")),
        (targeted({"if": [True, "maybe"]}), (f"{TARGETING}/if/1", "unknown-variant")),
        (targeted({"if": [True, "yes"], "or": []}), (TARGETING, "unsupported")),
        (targeted({"or": [{"==": [X, 1]}, X]}), (TARGETING, "unsupported")),
        (targeted({"if": [{"map": [X, 1]}, "yes"]}), (TEST, "unsupported")),
        (
            targeted({"if": [{"==": [X, {"var": "y"}]}, "yes"]}),
            (TEST, "unsupported"),
        ),
        (
            targeted({"if": [{"==": [X, {"+": [1, 2]}]}, "yes"]}),
            (TEST, "unsupported"),
        ),
        (targeted({"if": [{"==": [X]}, "yes"]}), (TEST, "unsupported")),
        (targeted({"if": [{"<": [X, "a"]}, "yes"]}), (TEST, "unsupported")),
        (targeted({"if": [{"in": [X, "text"]}, "yes"]}), (TEST, "unsupported")),
        (targeted({"if": [{"in": [X, [None]]}, "yes"]}), (TEST, "unsupported")),
        (
            targeted({"if": [{"starts_with": ["a", X]}, "yes"]}),
            (TEST, "unsupported"),
        ),
        (targeted({"if": [{"starts_with": [X, 1]}, "yes"]}), (TEST, "unsupported")),
        (
            targeted({"if": [{"sem_ver": [X, "===", "1.0.0"]}, "yes"]}),
            (TEST, "unsupported"),
        ),
        (
            targeted({"if": [{"sem_ver": [X, ">", "one"]}, "yes"]}),
            (TEST, "unsupported"),
        ),
        (targeted({"if": [{"var": ""}, "yes"]}), (TEST, "unsupported")),
        (targeted({"if": [{"var": "$flagd.other"}, "yes"]}), (TEST, "unsupported")),
        (
            targeted({"if": [{"==": [{"var": "$flagd.timestamp"}, 5]}, "yes"]}),
            (TEST, "unsupported"),
        ),
        (
            targeted({"if": [{"<": [{"var": "$flagd.timestamp"}, 1e300]}, "yes"]}),
            (TEST, "unsupported"),
        ),
        (
            targeted({"if": [{"$ref": "lost"}, "yes"]}),
            (f"{TEST}/$ref", "unknown-evaluator"),
        ),
        (targeted({"fractional": [["yes", 0]]}), (f"{TARGETING}/fractional", "weights")),
        (
            targeted({"fractional": [["maybe", 1]]}),
            (FIRST, "unknown-variant"),
        ),
        (targeted({"fractional": [["yes", 1.5]]}), (TARGETING, "unsupported")),
        (targeted({"fractional": [["yes", {"if": [X, 1, 2]}]]}), (TARGETING, "unsupported")),
        (targeted({"fractional": [[{"var": "x"}, 1]]}), (TARGETING, "unsupported")),
        (targeted({"fractional": [{"cat": ["seed", X]}, ["yes", 1]]}), (TARGETING, "unsupported")),
        (targeted({"fractional": [{"var": "default"}, ["yes", 1]]}), (TARGETING, "unsupported")),
        (
            {
                **targeted({"if": [{"$ref": "one"}, "yes"]}),
                "$evaluators": {"one": {"!": {"$ref": "two"}}, "two": {"!": {"$ref": "one"}}},
            },
            ("/$evaluators/two/!/$ref", "cycle"),
        ),
        (
            {
                **targeted({"if": [{"$ref": "one"}, "yes"]}),
                "$evaluators": {"one": {"==": [{"var": "a"}, {"var": "b"}]}},
            },
            ("/$evaluators/one", "unsupported"),
        ),
    ],
)
def test_what_cannot_be_said_exactly_is_refused_where_it_stands(
    document: Any, expected: tuple[str, str]
) -> None:
    assert expected in faults(document)


def nested(operator: str, depth: int) -> Any:
    logic: Any = {"==": [X, "a"]}
    for _ in range(depth):
        logic = {operator: [logic, {"==": [X, "b"]}]}
    return logic


@pytest.mark.parametrize(
    "logic",
    [
        {"if": [nested("and", 5_000), "yes"]},
        {"if": [{"or": [{"==": [{"var": f"f{n}"}, "a"]} for n in range(20_000)]}, "yes"]},
        nested("if", 5_000),
    ],
)
def test_what_is_too_deep_or_too_long_is_refused(logic: Any) -> None:
    assert all(pointer.startswith(TARGETING) for pointer, _ in faults(targeted(logic)))


def test_evaluators_that_multiply_are_refused() -> None:
    evaluators = {f"e{n}": {"and": [{"$ref": f"e{n + 1}"}] * 10} for n in range(20)}
    evaluators["e20"] = {"==": [X, "a"]}
    document = {**targeted({"if": [{"$ref": "e0"}, "yes"]}), "$evaluators": evaluators}
    assert "unsupported" in {code for _, code in faults(document)}


def test_evaluators_that_lead_far_are_refused() -> None:
    evaluators: dict[str, Any] = {f"e{n}": {"$ref": f"e{n + 1}"} for n in range(1_500)}
    evaluators["e1500"] = "yes"
    document = {**targeted({"$ref": "e0"}), "$evaluators": evaluators}
    assert "unsupported" in {code for _, code in faults(document)}


def test_a_member_that_nobody_reads_is_a_warning() -> None:
    found = read_flagd(flag(targetting={"if": []}))
    assert [(each.pointer, each.code) for each in found.warnings] == [
        (f"{FLAG}/targetting", "unknown-member")
    ]


def test_strict_equality_is_a_warning() -> None:
    found = read_flagd(targeted({"if": [{"===": [X, 5]}, "yes"]}))
    assert [each.code for each in found.warnings] == ["types"]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path] + [each for name, item in inner for each in places(item, (*path, name))]


def replaced(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], junk)
    return copy


words = st.sampled_from(["var", "if", "==", "in", "fractional", "$ref", "cat", "shared", "a", "!"])
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.text())
junk = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=2),
    max_leaves=6,
)


@given(definitions(), st.data())
def test_whatever_is_broken_is_read_or_refused(document: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(document)))
    broken = replaced(document, path, data.draw(junk))
    try:
        notes = read_flagd(broken).warnings
    except Invalid as refusal:
        notes = refusal.faults
    assert all(each.pointer == "" or each.pointer.startswith("/") for each in notes)
