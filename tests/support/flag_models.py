"""Flags, segments and contexts by chance, of everything that Unleash has words for."""

from typing import Any

from hypothesis import strategies as st

from domain.flags.conditions import AllOf, Condition, Constraint, InSegment
from domain.flags.rules import Prerequisite, Rule, Setting
from domain.flags.state import About, Flag, Segment, Segments
from domain.flags.variants import Override, Payload, Variant

ENVIRONMENT = "production"

FIELDS = ["userId", "sessionId", "remoteAddress", "appName", "environment", "plan", "a field", "é"]
WORDS = ["", "1", "7", "Ann", "ann", "ANNA", "Straße", "ΟΔΟΣ", "οδος", 'a"b', "日本", "🙂", " x "]
NUMBERS = ["0", "-0", "7", "7.0", "7.5", "+7", "1e1", "-3", "0.30000000000000004", "123456789012"]
NOT_NUMBERS = ["", " 7", "7 ", "7_0", "\u0667", "0x7", "seven", "1e", "NaN", "inf"]
DATES = [
    "2022-01-29T13:00:00Z",
    "2022-01-29T13:00:00.001Z",
    "2022-01-29T15:00:00+02:00",
    "2022-01-29T13:00:01Z",
    "2024-02-29T00:00:00Z",
]
ODD_DATES = [
    "2022-01-29 14:00:00Z",
    "2022-01-29t13:00:00z",
    "2022-01-29T13:00:00.0000001Z",
    "2022-01-29T13:00:00 +00:00",
    "2022-01-29T13:00:00",
    "2022-01-29",
    "2022-02-30T13:00:00Z",
    "2022-01-29T25:00:00Z",
    "2022-1-29T13:00:00Z",
    "1643461200",
]
VERSIONS = ["1.0.0", "1.2.3", "1.10.0", "2.0.0-rc.1", "2.0.0-rc.2", "2.0.0-rc", "2.0.0"]
ODD_VERSIONS = ["1.2.3+build", "v1.2.3", "1.2", "1.2.3.4", "01.2.3", "1.2.3-01", "1.2.3-a.10", ""]
NETWORKS = ["10.0.0.0/8", "10.1.2.3/16", "127.0.0.1", "2001:db8::/32", "::1", "0.0.0.0/0"]
ADDRESSES = ["10.1.2.3", "127.0.0.1", "192.168.0.9", "2001:db8::5", "::1", "::ffff:10.1.2.3"]
ODD_ADDRESSES = ["010.1.2.3", "10.1.2", "10.1.2.3/8", " 10.1.2.3", "fe80::1%eth0", "localhost"]
PATTERNS = ["^a", "n+$", "(?i)ANN", r"^\d+(\.\d+)?$", "a|7", "[[:alpha:]]{3}", r"\bx\b", "^$", "🙂"]

words = st.sampled_from(WORDS) | st.text(st.sampled_from("aAnN7é "), max_size=4)
texts = st.one_of(
    words,
    st.sampled_from(NUMBERS + NOT_NUMBERS),
    st.sampled_from(DATES + ODD_DATES),
    st.sampled_from(VERSIONS + ODD_VERSIONS),
    st.sampled_from(ADDRESSES + ODD_ADDRESSES),
)
subjects = st.integers(0, 200).map(str) | words
fields = st.sampled_from(FIELDS)
plain = st.just(value=False)


def _constraint(
    operators: list[str], values: Any, *, field: Any = fields, folds: Any = plain
) -> Any:
    return st.builds(
        Constraint,
        field=field,
        operator=st.sampled_from(operators),
        values=values.map(tuple),
        inverted=st.booleans(),
        case_insensitive=folds,
    )


def _one(values: list[str]) -> Any:
    return st.sampled_from(values).map(lambda value: (value,))


constraints = st.one_of(
    # the engine does not fold the case of these two, as the SDKs in other languages do
    _constraint(["IN", "NOT_IN"], st.lists(texts, max_size=4)),
    _constraint(
        ["STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"],
        st.lists(words, min_size=1, max_size=3),
        folds=st.booleans(),
    ),
    _constraint(["NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"], _one(NUMBERS)),
    _constraint(
        ["DATE_AFTER", "DATE_BEFORE"], _one(DATES), field=st.sampled_from(["plan", "currentTime"])
    ),
    _constraint(
        ["SEMVER_EQ", "SEMVER_GT", "SEMVER_LT", "SEMVER_GTE", "SEMVER_LTE"], _one(VERSIONS)
    ),
    _constraint(["REGEX"], _one(PATTERNS), folds=st.booleans()),
    _constraint(
        ["CIDR"],
        st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=3),
        field=st.sampled_from(["remoteAddress", "plan"]),
    ),
)

stickiness = st.sampled_from(["default", "userId", "sessionId", "plan", "appName"])
groups = st.sampled_from(["checkout", "a group", "日本"])
percents = st.integers(0, 100).map(str)


@st.composite
def strategies(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    name = draw(
        st.sampled_from(
            [
                "default",
                "userWithId",
                "flexibleRollout",
                "flexibleRollout",
                "gradualRolloutUserId",
                "gradualRolloutSessionId",
                "remoteAddress",
                "somethingCustom",
            ]
        )
    )
    match name:
        case "userWithId":
            return name, {"userIds": ", ".join(draw(st.lists(subjects, max_size=5)))}
        case "remoteAddress":
            listed = st.lists(st.sampled_from(NETWORKS + ODD_ADDRESSES), max_size=4)
            return name, {"IPs": ",".join(draw(listed))}
        case "flexibleRollout":
            found = {"rollout": draw(percents), "stickiness": draw(stickiness)}
        case "gradualRolloutUserId" | "gradualRolloutSessionId":
            found = {"percentage": draw(percents)}
        case _:
            return name, {}
    return name, found | ({"groupId": draw(groups)} if draw(st.booleans()) else {})


payloads = st.sampled_from(
    [
        None,
        Payload(type="string", value="plain"),
        Payload(type="json", value='{ "a" : [1.0] }'),
        Payload(type="number", value="1.50"),
        Payload(type="csv", value="a,b"),
    ]
)
overrides = st.builds(
    Override,
    field=st.sampled_from(["userId", "plan", "sessionId"]),
    values=st.lists(subjects, min_size=1, max_size=3).map(tuple),
)


@st.composite
def variants(draw: st.DrawFn, held: str | None = None, *, overridden: bool) -> tuple[Variant, ...]:
    weights = draw(
        st.sampled_from([[], [1000], [500, 500], [1, 998, 1], [0, 333, 667], [0, 1000, 0]])
    )
    sticky = held or draw(stickiness)
    return tuple(
        Variant(
            name=f"v{index}",
            weight=weight,
            stickiness=sticky,
            payload=draw(payloads),
            overrides=draw(st.lists(overrides, max_size=1)) if overridden else (),
        )
        for index, weight in enumerate(weights)
    )


@st.composite
def conditions(draw: st.DrawFn, segments: list[str]) -> Condition:
    of: list[Condition] = list(draw(st.lists(constraints, max_size=2)))
    if segments and draw(st.booleans()):
        of.append(InSegment(segment=draw(st.sampled_from(segments))))
    return of[0] if len(of) == 1 else AllOf(of=tuple(of))


@st.composite
def rules(draw: st.DrawFn, number: int, segments: list[str]) -> Rule:
    name, parameters = draw(strategies())
    held = parameters.get("stickiness") if name == "flexibleRollout" else None
    return Rule(
        id=f"rule-{number}",
        disabled=draw(st.integers(0, 9)) == 0,
        condition=draw(conditions(segments)),
        strategy=name,
        parameters=parameters,
        variants=draw(variants(held, overridden=False)),
    )


@st.composite
def flags(draw: st.DrawFn, group: str, segments: list[str], parents: tuple[str, ...] = ()) -> Flag:
    count = draw(st.integers(0, 3))
    wanted = st.booleans()
    return Flag(
        about=About(
            group=group,
            prerequisites=tuple(Prerequisite(flag=each, enabled=draw(wanted)) for each in parents),
        ),
        settings={
            ENVIRONMENT: Setting(
                enabled=draw(st.integers(0, 9)) > 0,
                rollout=100 if count else draw(st.integers(0, 100)),
                rules=tuple(draw(rules(number, segments)) for number in range(count)),
                variants=draw(variants(overridden=True)),
            )
        },
    )


@st.composite
def flag_sets(draw: st.DrawFn) -> tuple[dict[str, Flag], Segments]:
    """A parent, its child and a stranger, and the segments that they use."""
    segments = {
        name: Segment(condition=AllOf(of=tuple(draw(st.lists(constraints, max_size=2)))))
        for name in draw(st.sampled_from([(), ("staff",), ("staff", "beta users")]))
    }
    names = list(segments)
    return {
        "parent": draw(flags("parent", names)),
        "child": draw(flags("child", names, ("parent",))),
        "stranger": draw(flags("strangers", names)),
    }, segments


values = st.one_of(
    texts, subjects, st.integers(-3, 200), st.booleans(), st.integers(-99, 99).map(lambda n: n / 8)
)


@st.composite
def contexts(draw: st.DrawFn) -> dict[str, Any]:
    context: dict[str, Any] = {
        "currentTime": draw(st.sampled_from(DATES + ODD_DATES)),
        "properties": draw(st.dictionaries(st.sampled_from(["plan", "a field", "é"]), values)),
    }
    for field, said in (
        ("userId", subjects | values),
        ("sessionId", subjects),
        ("remoteAddress", st.sampled_from(ADDRESSES + ODD_ADDRESSES)),
        ("appName", words),
        ("environment", words),
    ):
        if draw(st.integers(0, 3)):
            context[field] = draw(said)
    return context
