"""flagd's targeting as rules: a chain of conditions, each with the variant that it leads to.

`fractional` gives nothing where there is nothing to bucket a context by, and then the default
variant is served, not what comes next: the rule behind a fractional one says so.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from domain.flags.bucketing import fractional_bucket
from domain.flags.conditions import EVERYONE, Condition
from domain.flags.flagd_comparing import Unsupported
from domain.flags.flagd_conditions import (
    FLAG_KEY,
    Constant,
    Field,
    Logic,
    arguments_of,
    operator_of,
)
from domain.flags.places import Place, is_number, json_text, quoted
from domain.flags.rules import Rule
from domain.flags.simplifying import NOBODY, all_of, opposite, there
from domain.flags.variants import Variant

HEAVIEST = 2**31 - 1
"""What flagd's weights may add up to."""

_YES_OR_NO = {
    "==", "===", "!=", "!==", "<", "<=", ">", ">=", "in", "starts_with", "ends_with", "sem_ver",
    "!", "!!",
}  # fmt: skip
_CONNECTIVES = {"and", "or"}
_BARE_FIELDS = {"default", "random"}


class Way(msgspec.Struct, frozen=True):
    """Whom an outcome is for, and what it is: a variant, or variants by weight.

    Nothing at all is the default variant.
    """

    condition: Condition
    serve: str | None = None
    variants: tuple[Variant, ...] = ()


class Targeting:
    """Reads the targeting of one flag."""

    def __init__(self, logic: Logic, key: str, variants: Mapping[str, Variant]) -> None:
        self.logic = logic
        self.key = key
        self.variants = variants

    def ways(self, place: Place) -> list[Way]:
        """What an expression leads to; the last way is for everybody who is left."""
        try:
            return self._ways(place)
        except Unsupported as refusal:
            place.fault("unsupported", str(refusal))
            return [Way(EVERYONE)]

    def _ways(self, place: Place) -> list[Way]:
        value = place.value
        if value is None:
            return [Way(EVERYONE)]
        if isinstance(value, str | bool):
            return [Way(EVERYONE, self._variant(place))]
        if not isinstance(value, dict):
            raise Unsupported("targeting leads to the name of a variant, true, false or null")
        operator = operator_of(place)
        if operator == "if":
            return self.logic.deeper(lambda: self._chosen(arguments_of(place, "if")))
        if operator == "$ref":
            found = self.logic.expanded(place.get("$ref"), self.ways)
            return [Way(EVERYONE)] if found is None else found
        if operator == "fractional":
            return self._fractional(place.get("fractional"))
        if not self._is_yes_or_no(place):
            raise Unsupported(f"{quoted(operator)} is not supported where a variant is wanted")
        condition = self.logic.condition(place)
        yes, no = (self._named(place, name) for name in ("true", "false"))
        return [Way(condition, yes), Way(EVERYONE, no)]

    def _chosen(self, arguments: list[Place]) -> list[Way]:
        found: list[Way] = []
        while len(arguments) > 1:
            test, value, *arguments = arguments
            condition = self.logic.condition(test)
            found += (
                msgspec.structs.replace(way, condition=all_of([condition, way.condition]))
                for way in self.ways(value)
            )
        return found + (self.ways(arguments[0]) if arguments else [Way(EVERYONE)])

    def _is_yes_or_no(self, place: Place) -> bool:
        """Whether an expression's value can only be true or false."""
        if not isinstance(place.value, dict):
            return isinstance(place.value, bool)
        operator = operator_of(place)
        if operator == "$ref":
            return bool(self.logic.expanded(place.get("$ref"), self._is_yes_or_no))
        if operator in _CONNECTIVES:
            inner = arguments_of(place, operator)
            return self.logic.deeper(lambda: all(map(self._is_yes_or_no, inner)))
        return operator in _YES_OR_NO

    def _variant(self, place: Place) -> str:
        value = place.value
        return self._named(place, json_text(value) if isinstance(value, bool) else value)

    def _named(self, place: Place, name: str) -> str:
        if name not in self.variants:
            place.fault("unknown-variant", f"the flag has no variant {quoted(name)}")
        return name

    def _fractional(self, place: Place) -> list[Way]:
        arguments = place.items() if isinstance(place.value, list) else [place]
        stickiness = "default"
        if arguments and not isinstance(arguments[0].value, list):
            stickiness = self._bucketing(arguments[0])
            arguments = arguments[1:]
        variants = tuple(self._weighted(each, stickiness) for each in arguments)
        total = sum(each.weight for each in variants)
        if not 0 < total <= HEAVIEST:
            place.fault("weights", f"weights must add up to 1 to {HEAVIEST}, not to {total}")
            return [Way(EVERYONE)]
        if not stickiness.startswith(FLAG_KEY):
            return [Way(EVERYONE, variants=variants), Way(EVERYONE)]
        return [
            Way(there(stickiness.removeprefix(f"{FLAG_KEY} ")), variants=variants),
            Way(EVERYONE, served_by_key(self.key, variants)),
        ]

    def _bucketing(self, place: Place) -> str:
        """What variants hold on to: a field, or the flag's key and a field."""
        if place.value is None:
            return "default"
        keyed = isinstance(place.value, dict) and list(place.value) == ["cat"]
        operands = [place]
        if keyed:
            first, *operands = arguments_of(place, "cat")
            if self.logic.operand(first) != Constant(self.key) or first.value == self.key:
                raise Unsupported(f"only {FLAG_KEY} and a field can be bucketed together")
        found = self.logic.operand(operands[0]) if len(operands) == 1 else None
        if not isinstance(found, Field) or found.otherwise is not None:
            raise Unsupported("bucketing is by one field, without a default")
        if found.name in _BARE_FIELDS or found.name.startswith("$"):
            raise Unsupported(f"bucketing by a field named {found.name}")
        return f"{FLAG_KEY} {found.name}" if keyed else found.name

    def _weighted(self, place: Place, stickiness: str) -> Variant:
        items = place.items()
        if not isinstance(place.value, list) or not 1 <= len(items) <= len(("name", "weight")):
            raise Unsupported("each of the variants is an array of a name and a weight")
        name = items[0]
        if not isinstance(name.value, str | bool):
            raise Unsupported("the name of a variant is a constant")
        variant = self.variants.get(self._variant(name), Variant(name="", weight=0))
        weight = items[1].value if len(items) > 1 and items[1].given else 1
        if not is_number(weight) or weight != weight // 1:
            raise Unsupported("weights are whole numbers")
        return msgspec.structs.replace(variant, weight=max(0, int(weight)), stickiness=stickiness)


def served_by_key(key: str, variants: Sequence[Variant]) -> str:
    """Whom flagd would serve what if the context had nothing beside the flag's key."""
    bucket = fractional_bucket(key, sum(each.weight for each in variants))
    passed = 0
    for variant in variants:
        passed += variant.weight
        if bucket <= passed:
            return variant.name
    raise ValueError(bucket)


def rules_of(ways: Sequence[Way], default: str | None) -> tuple[Rule, ...]:
    """The rules, of which the last serves whoever is left, if there is a default variant.

    Without one, those who are led to nothing must be kept from the rules behind.
    """
    rules = []
    for number, rule in enumerate(_rules(ways, default), 1):
        rules.append(msgspec.structs.replace(rule, id=f"rule-{number}"))
        if _is_for_all(rule):
            break
    return tuple(rules)


def _rules(ways: Sequence[Way], default: str | None) -> Iterator[Rule]:
    left: list[Condition] = []
    for way in ways:
        condition = all_of([*left, way.condition])
        if condition == NOBODY:
            continue
        if way.variants:
            yield Rule(condition=condition, variants=way.variants, bucketing="flagd")
        elif way.serve is not None or default is not None:
            yield Rule(condition=condition, serve=way.serve or default or "")
        elif way.condition == EVERYONE:
            return
        else:
            left.append(opposite(way.condition))


def _is_for_all(rule: Rule) -> bool:
    return rule.condition == EVERYONE and not rule.variants
