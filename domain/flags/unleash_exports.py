"""Unleash's exports, where strategies, tags and dependencies lie beside the features.

A document of a server's whole state has several environments; that of one environment's export has
one, which is taken whatever its name is.
"""

from collections.abc import Container
from operator import itemgetter

from domain.flags.places import Place, quoted

ACROSS = ":global:"
"""How servers name the one environment of those who have none."""


class Exported:
    """What an export says beside its features, by their names, in one environment."""

    def __init__(self) -> None:
        self.environments: dict[str, Place] = {}
        self.strategies: dict[str, list[Place]] = {}
        self.tags: dict[str, list[Place]] = {}
        self.dependencies: dict[str, list[Place]] = {}
        self.mentions: list[tuple[str, Place]] = []

    def enabled(self, feature: str) -> bool:
        """Whether the feature is on there."""
        place = self.environments.get(feature)
        return place is not None and place.get("enabled").boolean()

    def variants(self, feature: str, otherwise: Place) -> Place:
        """The feature's variants there, or those that it has everywhere."""
        place = self.environments.get(feature)
        if place is None or not place.get("variants").given:
            return otherwise
        own = place.get("variants")
        return own if own.items() or not otherwise.items() else otherwise

    def report_strangers(self, features: Container[str]) -> None:
        """Whatever is said of features that the document does not have is a fault."""
        for feature, place in self.mentions:
            if feature and feature not in features:
                place.fault("unknown-feature", f"there is no feature {quoted(feature)} here")

    def mention(self, place: Place, name: str) -> str:
        """The feature that a place speaks of."""
        feature = place.get(name).text()
        self.mentions.append((feature, place.get(name)))
        return feature


def is_export(root: Place) -> bool:
    """Whether strategies lie beside the features."""
    return root.get("featureStrategies").given or root.get("featureEnvironments").given


def gathered(root: Place, environment: str) -> Exported:
    """An export sorted by feature."""
    found = Exported()
    chosen = _environment(root, environment)
    for place in root.get("featureEnvironments").objects():
        if _is_in(place, chosen):
            found.environments[found.mention(place, "featureName")] = place
    _gather_strategies(root, chosen, found)
    for place in root.get("featureTags").objects():
        found.tags.setdefault(found.mention(place, "featureName"), []).append(place)
    for place in root.get("dependencies").objects():
        parents = place.get("dependencies").objects()
        found.dependencies.setdefault(found.mention(place, "feature"), []).extend(parents)
    return found


def _gather_strategies(root: Place, chosen: str, found: Exported) -> None:
    segments: dict[str, list[object]] = {}
    for place in root.get("featureStrategySegments").objects():
        strategy = place.get("featureStrategyId").text()
        segments.setdefault(strategy, []).append(place.get("segmentId").whole())
    ordered: dict[str, list[tuple[int, Place]]] = {}
    for place in root.get("featureStrategies").objects():
        if not _is_in(place, chosen):
            continue
        order = place.get("sortOrder").whole(0)
        beside = segments.get(place.get("id").text(""))
        if beside is not None and not place.get("segments").given:
            value = {**place.value, "segments": beside}
            place = Place(value, place.pointer, place.report)  # noqa: PLW2901 - the same, complete
        feature = found.mention(place, "featureName")
        ordered.setdefault(feature, []).append((order, place))
    for feature, places in ordered.items():
        found.strategies[feature] = [place for _, place in sorted(places, key=itemgetter(0))]


def _environment(root: Place, wanted: str) -> str:
    places = root.get("featureEnvironments").objects() + root.get("featureStrategies").objects()
    named = {place.get("environment").text("") for place in places} - {""}
    if wanted in named or not named:
        return wanted
    if len(named) == 1:
        return named.pop()
    names = quoted(", ".join(sorted(named)))
    detail = f"says nothing of {quoted(wanted)}, only of {names}"
    root.get("featureEnvironments").fault("unknown-environment", detail)
    return wanted


def _is_in(place: Place, chosen: str) -> bool:
    return place.get("environment").text("") in {"", chosen, ACROSS}
