"""What Unleash's own engine answers for our flags, and what we answer, in the same words."""

import ctypes
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from yggdrasil_engine.engine import UnleashEngine

from domain.flags.conditions import AllOf, Condition, Constraint, InSegment
from domain.flags.context import Context, make_context
from domain.flags.evaluation import Evaluation, compile_flag
from domain.flags.rules import Rule
from domain.flags.state import Flag, NoFlag, Segments
from domain.flags.variants import Variant
from tests.support.flag_models import ENVIRONMENT

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

Answer = tuple[bool, str, dict[str, str] | None]
"""Whether it is on, its variant's name and its payload."""


class Seed(str):  # noqa: SLOT000 - it has an attribute
    """A seed that knows whether anything was left to chance."""

    asked: bool = False

    def __format__(self, spec: str, /) -> str:
        self.asked = True
        return super().__format__(spec)


class Oracle:
    """Unleash's engine, with our flags."""

    def __init__(self, flags: Mapping[str, Flag], segments: Segments) -> None:
        numbers = {name: number for number, name in enumerate(segments, 1)}
        document = {
            "version": 2,
            "features": [_feature(key, flag, numbers) for key, flag in flags.items()],
            "segments": [
                {
                    "id": numbers[name],
                    "name": name,
                    "constraints": _constraints(segment.condition, {})[0],
                }
                for name, segment in segments.items()
            ],
        }
        self.engine = UnleashEngine()
        assert self.engine.take_state(json.dumps(document)) is None

    def ask(self, key: str, context: dict[str, Any]) -> Answer:
        found = self.engine.check_variant(key, context).variant
        return self.is_on(key, context), found.name, found.payload

    def is_on(self, key: str, context: dict[str, Any]) -> bool:
        return bool(self.engine.check_enabled(key, context).is_enabled)

    def lets_in(self, key: str, users: Iterable[str]) -> list[str]:
        """Those of so many users for whom it is on, past the client's own work."""
        library, state, name = self.engine.lib, self.engine.state, key.encode()
        found = []
        for user in users:
            context = json.dumps({"userId": user}).encode()
            answered = library.check_enabled(state, name, context, b"{}")
            said = ctypes.cast(answered, ctypes.c_char_p).value or b""
            library.free_response(answered)
            if json.loads(said)["value"]:
                found.append(user)
        return found


def evaluate(
    flags: Mapping[str, Flag], segments: Segments, key: str, raw: dict[str, Any]
) -> Evaluation:
    """What we answer."""
    return evaluate_by_chance(flags, segments, key, raw)[0]


def evaluate_by_chance(
    flags: Mapping[str, Flag], segments: Segments, key: str, raw: dict[str, Any]
) -> tuple[Evaluation, bool]:
    """What we answer, and whether that was left to chance."""
    seed = Seed("seed")

    def answer(other: str, context: Context) -> Evaluation:
        flag = flags.get(other, NoFlag())
        return compile_flag(other, flag, ENVIRONMENT, segments, answer)(context)

    return answer(key, make_context(raw, at=AT, seed=seed)), seed.asked


def answer(found: Evaluation) -> Answer:
    if found.variant is None:
        return found.enabled, "disabled", None
    payload = found.variant.payload
    said = None if payload is None else {"type": payload.type, "value": payload.value}
    return found.enabled, found.variant.name, said


def _feature(key: str, flag: Flag, numbers: dict[str, int]) -> dict[str, Any]:
    setting = flag.setting(ENVIRONMENT)
    group = flag.about.group
    active = [_strategy(rule, group, numbers) for rule in setting.rules if not rule.disabled]
    if not setting.rules:
        rollout = {"rollout": str(setting.rollout), "stickiness": "default", "groupId": group}
        active = [{"name": "flexibleRollout", "parameters": rollout, "variants": []}]
    return {
        "name": key,
        "type": "release",
        "enabled": setting.enabled and bool(active),
        "strategies": active,
        "variants": [_variant(variant) for variant in setting.variants],
        "dependencies": [
            {"feature": each.flag, "enabled": each.enabled, "variants": list(each.variants)}
            for each in flag.about.prerequisites
        ],
    }


def _strategy(rule: Rule, group: str, numbers: dict[str, int]) -> dict[str, Any]:
    constraints, segments = _constraints(rule.condition, numbers)
    parameters = {"groupId": group, **rule.parameters}
    if rule.variants:
        parameters["stickiness"] = rule.variants[0].stickiness
    return {
        "name": rule.strategy,
        "parameters": parameters,
        "constraints": constraints,
        "segments": segments,
        "variants": [_variant(variant) for variant in rule.variants],
    }


def _constraints(
    condition: Condition, numbers: dict[str, int]
) -> tuple[list[dict[str, Any]], list[int]]:
    """Constraints that must all hold, and segments by number: all that Unleash knows."""
    match condition:
        case Constraint():
            return [constraint(condition)], []
        case InSegment(inverted=False):
            return [], [numbers[condition.segment]]
        case AllOf():
            parts = [_constraints(each, numbers) for each in condition.of]
            return [each for part in parts for each in part[0]], [
                each for part in parts for each in part[1]
            ]
        case _:
            raise AssertionError(condition)


def constraint(said: Constraint) -> dict[str, Any]:
    one = said.values[0] if said.values else ""
    return {
        "contextName": said.field,
        "operator": "IN_CIDR" if said.operator == "CIDR" else said.operator,
        "values": list(said.values),
        "value": one,
        "inverted": said.inverted,
        "caseInsensitive": said.case_insensitive,
    }


def _variant(variant: Variant) -> dict[str, Any]:
    payload = variant.payload
    return {
        "name": variant.name,
        "weight": variant.weight,
        "weightType": "variable",
        "stickiness": variant.stickiness,
        **({} if payload is None else {"payload": {"type": payload.type, "value": payload.value}}),
        "overrides": [
            {"contextName": each.field, "values": list(each.values)} for each in variant.overrides
        ],
    }
