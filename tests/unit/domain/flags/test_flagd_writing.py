from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.flags.conditions import AllOf, AnyOf, Constraint, InSegment
from domain.flags.documents import FlagSet, ImportedFlag, Inexpressible
from domain.flags.flagd import read_flagd, write_flagd
from domain.flags.rules import Prerequisite, Rule, Setting
from domain.flags.state import About, Flag, Segment
from domain.flags.variants import Override, Payload, Variant, payload_of
from tests.support.flagd_definitions import contexts
from tests.support.flagd_oracle import ENVIRONMENT, resolved, served

ANN = Constraint(field="email", operator="IN", values=("ann", "true"))
VARIANTS = (
    Variant(name="a", weight=400, payload=payload_of("A")),
    Variant(name="b", weight=600, payload=payload_of("B")),
)


def written(setting: Setting, about: About | None = None, **said: Any) -> dict[str, Any]:
    flag = Flag(about=about or About(group="flag"), settings={ENVIRONMENT: setting}, **said)
    return write_flagd({"flag": flag}, {}, ENVIRONMENT)["flags"]["flag"]


def test_a_flag_without_variants_is_on_and_off() -> None:
    assert written(Setting(enabled=True)) == {
        "state": "ENABLED",
        "variants": {"on": True},
        "defaultVariant": "on",
    }
    assert written(Setting(enabled=True, rules=(Rule(id="r", condition=ANN),))) == {
        "state": "ENABLED",
        "variants": {"off": False, "on": True},
        "defaultVariant": "off",
        "targeting": {"if": [{"in": [{"var": "email"}, ["ann", "true", True]]}, "on", None]},
    }


@pytest.mark.parametrize("said", [{"killed": True}, {"archived": True}])
def test_a_flag_that_is_off_everywhere_is_disabled(said: dict[str, Any]) -> None:
    assert written(Setting(enabled=True), **said)["state"] == "DISABLED"
    assert written(Setting())["state"] == "DISABLED"


def test_what_a_flag_says_about_itself_survives() -> None:
    about = About(
        group="flag",
        kind="number",
        default=1,
        description="Ours",
        owner="ann",
        project="shop",
        purpose="experiment",
        lifetime=3,
        protected=True,
        tags=("version:1", "loose", "version:2"),
    )
    setting = Setting(variants=(Variant(name="a", weight=1000, payload=payload_of(1)),))
    flag = Flag(about=about, settings={ENVIRONMENT: setting}, stale=True, archived=True)
    found = read_flagd(write_flagd({"flag": flag}, {}, ENVIRONMENT)).flags["flag"]
    assert found == ImportedFlag(about=about, setting=setting, stale=True, archived=True)


def test_a_declared_default_is_a_variant() -> None:
    about = About(group="flag", kind="string", default="calm")
    rule = Rule(id="r", condition=ANN, serve="a")
    whole = written(Setting(enabled=True, rules=(rule,), variants=VARIANTS), about)
    assert (whole["defaultVariant"], whole["variants"]["default"]) == ("default", "calm")


conditions = st.recursive(
    st.one_of(
        st.builds(
            Constraint,
            field=st.sampled_from(["email", "beta"]),
            operator=st.sampled_from(["IN", "NOT_IN"]),
            values=st.sampled_from([("ann",), ("true",), ("a@faas.com", "false")]),
            inverted=st.booleans(),
        ),
        st.builds(
            Constraint,
            field=st.just("email"),
            operator=st.sampled_from(["STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"]),
            values=st.sampled_from([("a",), ("", "b"), ("5", "nn")]),
            inverted=st.booleans(),
        ),
        st.builds(
            Constraint,
            field=st.just("age"),
            operator=st.sampled_from(["NUM_EQ", "NUM_LT", "NUM_LTE", "NUM_GT", "NUM_GTE"]),
            values=st.sampled_from([("0",), ("17.0",), ("-1",)]),
            inverted=st.booleans(),
        ),
        st.builds(InSegment, segment=st.just("s"), inverted=st.booleans()),
    ),
    lambda inner: st.one_of(
        st.builds(AllOf, of=st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, of=st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=4,
)
flagd_variants = st.sampled_from(["default", "email", "$flagd.flagKey email"]).map(
    lambda held: tuple(
        Variant(name=each.name, weight=each.weight, payload=each.payload, stickiness=held)
        for each in VARIANTS
    )
)
rules = st.one_of(
    st.builds(
        Rule,
        id=st.just("r"),
        condition=conditions,
        serve=st.sampled_from(["a", "b"]),
        disabled=st.sampled_from([False, False, True]),
        strategy=st.just("flexibleRollout"),
        parameters=st.sampled_from([{"rollout": "100"}, {"rollout": "0"}]),
    ),
    st.builds(Rule, id=st.just("r"), condition=conditions, serve=st.sampled_from(["a", "b"])),
    st.builds(
        Rule,
        id=st.just("r"),
        condition=conditions,
        variants=flagd_variants,
        bucketing=st.just("flagd"),
    ),
)
SEGMENTS = {"s": Segment(condition=ANN)}


@given(
    st.lists(rules, min_size=1, max_size=3).map(tuple),
    st.sampled_from(["A", "C"]),
    st.lists(contexts(), min_size=4, max_size=4),
)
def test_flagd_serves_what_we_serve(
    chain: tuple[Rule, ...], default: str, asking: list[dict[str, Any]]
) -> None:
    about = About(group="flag", kind="string", default=default)
    setting = Setting(enabled=True, rules=chain, variants=VARIANTS)
    flags = {"flag": ImportedFlag(about=about, setting=setting)}
    found = FlagSet(flags=flags, segments=SEGMENTS)
    flag = Flag(about=about, settings={ENVIRONMENT: setting})
    document = write_flagd({"flag": flag}, SEGMENTS, ENVIRONMENT)
    for context in asking:
        name = resolved(document, "flag", context)
        assert name is not None
        value = document["flags"]["flag"]["variants"][name]
        assert value == served(found, "flag", context).value


def ruled(**said: Any) -> Setting:
    return Setting(enabled=True, rules=(Rule(id="r", **said),), variants=VARIANTS)


def on(operator: Any, *values: str, **said: Any) -> Constraint:
    return Constraint(field="x", operator=operator, values=values, **said)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (Setting(enabled=True, rollout=50), "as Unleash does"),
        (ruled(), "as Unleash does it"),
        (ruled(strategy="gradualRolloutUserId", parameters={"percentage": "5"}), "no strategy"),
        (ruled(serve="a", condition=on("REGEX", "a")), "no operator like REGEX"),
        (ruled(serve="a", condition=on("CIDR", "10.0.0.0/8")), "no operator like CIDR"),
        (ruled(serve="a", condition=on("IN", "a", case_insensitive=True)), "upper and lower case"),
        (ruled(serve="a", condition=on("DATE_AFTER", "2026-01-01T00:00:00Z")), "no operator"),
        (ruled(serve="a", condition=on("DATE_BEFORE", "2026-01-01T00:00:00Z")), "with a date"),
        (
            Setting(
                enabled=True,
                variants=(
                    Variant(name="a", weight=1000, payload=Payload(type="json", value="[1]")),
                ),
            ),
            "is no object",
        ),
        (
            Setting(
                enabled=True,
                rules=(
                    Rule(
                        id="r",
                        variants=(
                            Variant(
                                name="a",
                                weight=1000,
                                payload=Payload(type="json", value="{}"),
                                overrides=(Override(field="x", values=("1",)),),
                            ),
                        ),
                    ),
                ),
            ),
            "overrides",
        ),
    ],
)
def test_what_flagd_cannot_say_is_refused(setting: Setting, reason: str) -> None:
    json = any(each.payload and each.payload.type == "json" for each in setting.variants)
    json = json or any(rule.variants for rule in setting.rules)
    about = About(group="flag", kind="json" if json else "string", default={} if json else "")
    with pytest.raises(Inexpressible, match=reason):
        written(setting, about)


def test_prerequisites_are_refused_with_all_the_rest() -> None:
    flag = Flag(about=About(group="f", prerequisites=(Prerequisite(flag="g"),)))
    segments = {"s": Segment(condition=on("REGEX", "a"))}
    with pytest.raises(Inexpressible) as refused:
        write_flagd({"f": flag, "g": flag}, segments, ENVIRONMENT)
    assert [each.split(":")[0] for each in refused.value.reasons] == [
        "flag f",
        "flag g",
        "segment s",
    ]
