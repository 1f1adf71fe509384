"""Writing Unleash's documents, and the features that its SDKs are served."""

from collections.abc import Mapping
from typing import Any, Final

from domain.flags.documents import Inexpressible, LeftOut, refuse
from domain.flags.rules import Prerequisite
from domain.flags.state import Flag, Segment
from domain.flags.unleash_extras import written_extras
from domain.flags.unleash_segments import (
    NumberedSegments,
    nested_segments,
    number_segments,
    written_segments,
)
from domain.flags.unleash_strategies import Strategies, whole_rollout
from domain.flags.unleash_variants import written_variants

STATE: Final = 1
"""The form of an old server's state."""
SERVED: Final = 2
"""The form that SDKs are served."""
EXPORT: Final = 3
"""The form that today's servers export and import."""

_SIMPLE = {"name": "simple", "description": "Used to simplify filtering of features", "icon": "#"}


def unleash_feature(
    key: str,
    flag: Flag,
    environment: str,
    segment_ids: NumberedSegments,
    *,
    flags: Mapping[str, Flag] | None = None,
) -> dict[str, Any]:
    """A flag as SDKs are served it: they answer as we would.

    `flags` are those that its prerequisites may name; without them nothing is known of these.

    Raises:
        Inexpressible: the SDKs would answer otherwise.
    """
    _check_prerequisites(flag, environment, flags)
    setting = flag.setting(environment)
    strategies = _strategies(key, flag, environment, segment_ids, for_clients=True)
    nobody = bool(setting.rules) and not strategies
    return {
        "name": key,
        "type": flag.about.purpose,
        "description": flag.about.description,
        "project": flag.about.project,
        "enabled": _is_on(flag, environment) and not nobody,
        "stale": flag.stale,
        "impressionData": flag.about.impressions,
        "strategies": strategies,
        "variants": written_variants(setting.variants),
        "dependencies": _dependencies(flag),
    }


def write_unleash(
    flags: Mapping[str, Flag],
    segments: Mapping[str, Segment],
    environment: str,
    *,
    version: int = SERVED,
) -> dict[str, Any]:
    """A document with all flags as they are in one environment, and the segments.

    `version` is the form: `STATE`, `SERVED` or `EXPORT`.

    Raises:
        Inexpressible: with a reason for each flag and segment that Unleash cannot have.
    """
    document, left_out = written_unleash(flags, segments, environment, version=version)
    refuse(left_out)
    return document


def written_unleash(
    flags: Mapping[str, Flag],
    segments: Mapping[str, Segment],
    environment: str,
    *,
    version: int = SERVED,
) -> tuple[dict[str, Any], list[LeftOut]]:
    """As `write_unleash`, and what such a document has to do without."""
    there = {name: each for name, each in segments.items() if not each.archived}
    numbered = number_segments(there)
    left_out = nested_segments(numbered)
    features: list[dict[str, Any]] = []
    for key, flag in flags.items():
        try:
            _check_prerequisites(flag, environment, flags)
            features.append(_feature(key, flag, environment, numbered))
        except Inexpressible as refusal:
            left_out.append(LeftOut(kind="flag", name=key, reasons=refusal.reasons))
    features = _without_orphans(features, left_out)
    written = written_segments(numbered)
    if version == EXPORT:
        return _export(features, written, environment), left_out
    if version == STATE:
        return {**_state(features), "segments": written}, left_out
    return {"version": SERVED, "features": features, "segments": written}, left_out


def _without_orphans(
    features: list[dict[str, Any]], left_out: list[LeftOut]
) -> list[dict[str, Any]]:
    """The features but those that depend on what is left out: they are left out as well."""
    gone = {each.name for each in left_out if each.kind == "flag"}
    while True:
        orphans = {
            feature["name"]: parent["feature"]
            for feature in features
            for parent in feature["dependencies"]
            if parent["feature"] in gone
        }
        if not orphans:
            return features
        left_out += (
            LeftOut(kind="flag", name=key, reasons=(f"it depends on {parent}, left out too",))
            for key, parent in orphans.items()
        )
        features = [feature for feature in features if feature["name"] not in orphans]
        gone = set(orphans)


def _feature(key: str, flag: Flag, environment: str, segments: NumberedSegments) -> dict[str, Any]:
    return {
        "name": key,
        "type": flag.about.purpose,
        "description": flag.about.description,
        "project": flag.about.project,
        "enabled": _is_on(flag, environment),
        "stale": flag.stale,
        "archived": flag.archived,
        "impressionData": flag.about.impressions,
        "strategies": _strategies(key, flag, environment, segments, for_clients=False),
        "variants": written_variants(flag.setting(environment).variants),
        "dependencies": _dependencies(flag),
        "tags": [_tag(tag) for tag in flag.about.tags],
        **written_extras(key, flag, environment),
    }


def _strategies(
    key: str, flag: Flag, environment: str, segments: NumberedSegments, *, for_clients: bool
) -> list[dict[str, Any]]:
    setting = flag.setting(environment)
    strategies = Strategies(
        key=key,
        group=flag.about.group,
        variants=setting.variants,
        segments=segments,
        for_clients=for_clients,
    )
    rules = setting.rules or whole_rollout(flag.about.group, setting.rollout)
    return strategies.written(rules)


def _is_on(flag: Flag, environment: str) -> bool:
    return flag.setting(environment).enabled and not flag.killed and not flag.archived


def _dependencies(flag: Flag) -> list[dict[str, Any]]:
    return [
        {"feature": each.flag, "enabled": each.enabled, "variants": list(each.variants)}
        for each in flag.about.prerequisites
    ]


def _check_prerequisites(flag: Flag, environment: str, flags: Mapping[str, Flag] | None) -> None:
    """Unleash knows one step of dependency, and less of the parents' variants."""
    if flags is None or not _is_on(flag, environment):
        return
    reasons = []
    for prerequisite in flag.about.prerequisites:
        parent = flags.get(prerequisite.flag)
        if parent is not None and parent.about.prerequisites:
            reasons.append(f"{prerequisite.flag} has prerequisites itself, in Unleash none can")
        elif parent is not None and _asks_too_much(prerequisite, parent, environment):
            reasons.append(f"{prerequisite.flag} may serve no variant, which Unleash takes for any")
    if reasons:
        raise Inexpressible(*reasons)


def _asks_too_much(prerequisite: Prerequisite, parent: Flag, environment: str) -> bool:
    if not prerequisite.variants:
        return False
    setting = parent.setting(environment)
    sure = setting.variants or (setting.rules and all(rule.variants for rule in setting.rules))
    return not prerequisite.enabled or not sure


def _tag(tag: str) -> dict[str, str]:
    kind, colon, value = tag.partition(":")
    return {"type": kind, "value": value} if colon else {"type": "simple", "value": tag}


def _feature_tags(features: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {"featureName": feature["name"], "tagType": tag["type"], "tagValue": tag["value"]}
        for feature in features
        for tag in feature["tags"]
    ]


def _tag_types(features: list[dict[str, Any]]) -> list[dict[str, str]]:
    kinds = {tag["type"] for feature in features for tag in feature["tags"]} - {"simple"}
    return [_SIMPLE, *({"name": kind, "description": "", "icon": ""} for kind in sorted(kinds))]


def _state(features: list[dict[str, Any]]) -> dict[str, Any]:
    """The form of an old server's state; its strategies are definitions of custom ones."""
    tags = _feature_tags(features)
    distinct = {(tag["tagType"], tag["tagValue"]) for tag in tags}
    return {
        "version": STATE,
        "features": features,
        "strategies": [],
        "tagTypes": _tag_types(features),
        "tags": [{"type": kind, "value": value} for kind, value in sorted(distinct)],
        "featureTags": tags,
    }


def _export(
    features: list[dict[str, Any]], segments: list[dict[str, Any]], environment: str
) -> dict[str, Any]:
    """The form of today's exports, whose reader knows no word beyond its schema."""
    beside = {"enabled", "strategies", "variants", "dependencies", "tags", "annals"}
    used = sorted(
        {
            constraint["contextName"]
            for feature in features
            for strategy in feature["strategies"]
            for constraint in strategy["constraints"]
        }
    )
    return {
        "features": [
            {name: said for name, said in feature.items() if name not in beside}
            for feature in features
        ],
        "featureStrategies": [
            {**strategy, "featureName": feature["name"]}
            for feature in features
            for strategy in feature["strategies"]
        ],
        "featureEnvironments": [
            {
                "name": environment,
                "environment": environment,
                "featureName": feature["name"],
                "enabled": feature["enabled"],
                "variants": feature["variants"],
            }
            for feature in features
        ],
        "contextFields": [{"name": name} for name in used],
        "featureTags": _feature_tags(features),
        "segments": segments,
        "tagTypes": _tag_types(features),
        "dependencies": [
            {"feature": feature["name"], "dependencies": feature["dependencies"]}
            for feature in features
            if feature["dependencies"]
        ],
    }
