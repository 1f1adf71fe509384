"""Flags answer what Unleash's own engine answers, whatever the flag and whoever is asked for."""

from functools import reduce
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint
from domain.flags.rules import Rule, Setting
from domain.flags.state import About, Flag, Segments
from tests.support import flag_models
from tests.support.flag_models import ENVIRONMENT
from tests.support.unleash_oracle import Oracle, answer, evaluate, evaluate_by_chance


def _deciding(condition: Condition) -> Flag:
    rule = Rule(id="only", condition=condition)
    return Flag(
        about=About(group="flag"), settings={ENVIRONMENT: Setting(enabled=True, rules=(rule,))}
    )


@settings(max_examples=50)
@given(flag_models.flag_sets(), st.lists(flag_models.contexts(), min_size=3, max_size=8))
def test_whole_flags_answer_as_the_engine_does(
    found: tuple[dict[str, Flag], Segments], contexts: list[dict[str, Any]]
) -> None:
    flags, segments = found
    oracle = Oracle(flags, segments)
    for context in contexts:
        for key in flags:
            ours, by_chance = evaluate_by_chance(flags, segments, key, context)
            assert ours.error is None
            if not by_chance:
                assert (key, *answer(ours)) == (key, *oracle.ask(key, context))


@settings(max_examples=100)
@given(flag_models.constraints, st.lists(flag_models.contexts(), min_size=3, max_size=8))
def test_each_constraint_holds_where_it_does_for_the_engine(
    constraint: Constraint, contexts: list[dict[str, Any]]
) -> None:
    flags = {"flag": _deciding(constraint)}
    oracle = Oracle(flags, {})
    for context in contexts:
        assert evaluate(flags, {}, "flag", context).enabled == oracle.is_on("flag", context)


Tree = Constraint | list["Tree"]


def _all_of(tree: Tree) -> Condition:
    return tree if isinstance(tree, Constraint) else AllOf(of=tuple(map(_any_of, tree)))


def _any_of(tree: Tree) -> Condition:
    return tree if isinstance(tree, Constraint) else AnyOf(of=tuple(map(_all_of, tree)))


def _leaves(tree: Tree) -> list[Constraint]:
    if isinstance(tree, Constraint):
        return [tree]
    return reduce(lambda found, inner: found + _leaves(inner), tree, [])


def _combined(condition: Condition, held: dict[int, bool]) -> bool:
    match condition:
        case AllOf():
            return all(_combined(each, held) for each in condition.of)
        case AnyOf():
            return any(_combined(each, held) for each in condition.of)
        case _:
            return held[id(condition)]


@settings(max_examples=50)
@given(
    st.recursive(flag_models.constraints, lambda inner: st.lists(inner, max_size=3), max_leaves=8),
    flag_models.contexts(),
)
def test_nested_conditions_combine_what_the_engine_says_of_their_parts(
    tree: Tree, context: dict[str, Any]
) -> None:
    condition, leaves = _all_of(tree), _leaves(tree)
    oracle = Oracle({str(id(leaf)): _deciding(leaf) for leaf in leaves}, {})
    held = {id(leaf): oracle.is_on(str(id(leaf)), context) for leaf in leaves}
    ours = evaluate({"flag": _deciding(condition)}, {}, "flag", context)
    assert ours.enabled == _combined(condition, held)
