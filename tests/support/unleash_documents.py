"""Documents in Unleash's words, contexts to ask them with, and what its own engine answers."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from yggdrasil_engine.engine import UnleashEngine

from domain.flags.context import make_context
from domain.flags.documents import FlagSet
from domain.flags.evaluation import Evaluation, compile_flag
from domain.flags.state import Flag, Segment
from domain.flags.unleash import unleash_feature
from domain.flags.unleash_segments import served_segments

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENVIRONMENT = "production"
TEXTS = ["", "1", "2", "10", "Ann", "ann", "1.0.0", "1.5.0", "2.0.0-rc.1", "10.1.2.3", 'a"b', "é"]
FIELDS = ["userId", "sessionId", "appName", "team", "version", "user name", "remoteAddress"]
NUMBERS = ["0", "1", "1.5", "-2", "10"]
VERSIONS = ["1.0.0", "1.5.0", "2.0.0-rc.1", "2.0.0"]
DATES = ["2020-01-01T00:00:00Z", "2026-03-01T11:59:59.500Z", "2030-06-01T00:00:00+02:00"]
NETWORKS = ["10.0.0.0/8", "10.1.2.3", "2001:db8::/32"]
PATTERNS = ["^a", "n+$", "(?i)ANN", r"^\d+\.\d+", "[[:alpha:]]"]

texts = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)


def _constraint(operators: list[str], **said: st.SearchStrategy[Any]) -> Any:
    return st.fixed_dictionaries(
        {
            "contextName": st.sampled_from(FIELDS),
            "operator": st.sampled_from(operators),
            "inverted": st.booleans(),
            **said,
        },
    )


constraints = st.one_of(
    _constraint(["IN", "NOT_IN"], values=texts),
    _constraint(
        ["STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"],
        values=texts,
        caseInsensitive=st.booleans(),
    ),
    _constraint(
        ["NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"], value=st.sampled_from(NUMBERS)
    ),
    _constraint(
        ["SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE"],
        value=st.sampled_from(VERSIONS),
    ),
    _constraint(["REGEX"], value=st.sampled_from(PATTERNS), caseInsensitive=st.booleans()),
    _constraint(["IN_CIDR"], values=st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=2)),
    st.fixed_dictionaries(
        {
            "contextName": st.just("currentTime"),
            "operator": st.sampled_from(["DATE_AFTER", "DATE_BEFORE"]),
            "inverted": st.booleans(),
            "value": st.sampled_from(DATES),
        }
    ),
)

percentages = st.integers(0, 100).map(str)
groups = st.sampled_from(["one", "two", "a group"])
sticky = st.sampled_from(["default", "userId", "sessionId", "team"])
parameters = st.one_of(
    st.tuples(st.just("default"), st.just({})),
    st.tuples(
        st.just("flexibleRollout"),
        st.fixed_dictionaries(
            {"rollout": percentages, "stickiness": sticky}, optional={"groupId": groups}
        ),
    ),
    st.tuples(
        st.sampled_from(["gradualRolloutUserId", "gradualRolloutSessionId"]),
        st.fixed_dictionaries({"percentage": percentages, "groupId": groups}),
    ),
    st.tuples(st.just("userWithId"), st.just({"userIds": "1, Ann,2"})),
    st.tuples(st.just("remoteAddress"), st.just({"IPs": "10.0.0.0/8, 127.0.0.1"})),
)
payloads = st.sampled_from(
    [
        None,
        {"type": "string", "value": ""},
        {"type": "json", "value": '{ "a" : 1.0 }'},
        {"type": "number", "value": "1.50"},
        {"type": "csv", "value": "a, b"},
    ]
)


@st.composite
def variants(draw: st.DrawFn, stickiness: str | None = None) -> list[dict[str, Any]]:
    weights = draw(st.sampled_from([[], [1000], [500, 500], [1, 998, 1], [0, 333, 667]]))
    held = stickiness or draw(st.sampled_from(["default", "userId"]))
    found = []
    for index, weight in enumerate(weights):
        variant = {
            "name": f"v{index}",
            "weight": weight,
            "weightType": draw(st.sampled_from(["fix", "variable"])),
            "stickiness": held,
        }
        payload = draw(payloads)
        if payload is not None:
            variant["payload"] = payload
        if stickiness is None:
            overrides = [{"contextName": "userId", "values": ["Ann"]}]
            variant["overrides"] = draw(st.sampled_from([[], [], overrides]))
        found.append(variant)
    return found


@st.composite
def rules(draw: st.DrawFn, segments: int) -> dict[str, Any]:
    name, said = draw(parameters)
    strategy = {
        "name": name,
        "parameters": said,
        "constraints": draw(st.lists(constraints, max_size=2)),
        "variants": draw(variants(said.get("stickiness", "default"))),
    }
    if segments and draw(st.booleans()):
        strategy["segments"] = [draw(st.integers(1, segments))]
    if draw(st.booleans()):
        strategy["title"] = "Ours"
    return strategy


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    segments = [
        {
            "id": number,
            "name": f"segment {number}",
            "description": "",
            "constraints": draw(st.lists(constraints, max_size=2)),
        }
        for number in range(1, draw(st.integers(1, 3)))
    ]
    features = []
    for index in range(draw(st.integers(1, 3))):
        feature: dict[str, Any] = {
            "name": f"flag{index}",
            "type": draw(st.sampled_from(["release", "kill-switch"])),
            "enabled": draw(st.sampled_from([True, True, False])),
            "description": "Says something",
            "project": draw(st.sampled_from(["default", "checkout"])),
            "stale": draw(st.booleans()),
            "impressionData": draw(st.booleans()),
            "strategies": draw(st.lists(rules(len(segments)), max_size=3)),
            "variants": draw(variants()),
        }
        if index == 2 and draw(st.booleans()):
            parent = {"feature": "flag0", "enabled": draw(st.booleans())}
            feature["dependencies"] = [parent]
            _group(features[0])
        features.append(feature)
    return {"version": 2, "features": features, "segments": segments}


def _group(parent: dict[str, Any]) -> None:
    """Unleash's servers always name a group; without one the engine takes the child's name."""
    for strategy in parent["strategies"]:
        if strategy["name"] == "flexibleRollout":
            strategy["parameters"] = {"groupId": parent["name"], **strategy["parameters"]}


@st.composite
def contexts(draw: st.DrawFn) -> dict[str, Any]:
    context: dict[str, Any] = {
        "userId": draw(st.sampled_from([*TEXTS, "alice", "bob", "eve"])),
        "currentTime": draw(st.sampled_from(["2026-03-01T12:00:00Z", "2019-01-01T00:00:00Z"])),
        "properties": {},
    }
    for field in ("sessionId", "appName", "remoteAddress"):
        if draw(st.booleans()):
            context[field] = draw(st.sampled_from(TEXTS))
    for field in ("team", "version", "user name"):
        if draw(st.booleans()):
            context["properties"][field] = draw(st.sampled_from([*TEXTS, "1.5", "-2"]))
    return context


Answers = dict[str, tuple[bool, str, Any]]


def asked(document: Mapping[str, Any], asking: Iterable[dict[str, Any]]) -> list[Answers]:
    """What Unleash's engine says of each feature: on or off, variant and payload."""
    engine = UnleashEngine()
    assert not engine.take_state(json.dumps(document))
    names = [feature["name"] for feature in document["features"]]
    return [{name: _asked(engine, name, context) for name in names} for context in asking]


def _asked(engine: UnleashEngine, name: str, context: dict[str, Any]) -> tuple[bool, str, Any]:
    enabled = engine.is_enabled(name, context).is_enabled
    variant = engine.get_variant(name, context).variant
    return enabled, variant.name, variant.payload


def answered(
    flags: Mapping[str, Flag], segments: Mapping[str, Any], asking: Iterable[dict[str, Any]]
) -> list[Answers]:
    """What we say of each flag, in the engine's words."""
    return [_answered(flags, segments, context) for context in asking]


def _answered(
    flags: Mapping[str, Flag], segments: Mapping[str, Any], context: Mapping[str, Any]
) -> Answers:
    asking = make_context(dict(context), at=AT, seed="seed")

    def evaluate(key: str, _: Any) -> Evaluation:
        return compile_flag(key, flags[key], ENVIRONMENT, dict(segments), evaluate)(asking)

    answers: Answers = {}
    for key in flags:
        found = evaluate(key, asking)
        payload = found.variant.payload if found.variant else None
        said = {"type": payload.type, "value": payload.value} if payload else None
        answers[key] = (found.enabled, found.variant.name if found.variant else "disabled", said)
    return answers


def flags_of(found: FlagSet) -> dict[str, Flag]:
    """The flags that an import would make."""
    return {
        key: Flag(
            about=each.about,
            settings={ENVIRONMENT: each.setting},
            stale=each.stale,
            archived=each.archived,
        )
        for key, each in found.flags.items()
    }


def served(flags: dict[str, Flag], segments: dict[str, Segment]) -> dict[str, Any]:
    """What the SDKs of an environment would be served."""
    numbered, constraints = served_segments(segments)
    features = [
        unleash_feature(key, flag, ENVIRONMENT, numbered, flags=flags)
        for key, flag in flags.items()
    ]
    return {"version": 2, "features": features, "segments": constraints}
