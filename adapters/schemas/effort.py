"""How often a schema may look at one value: told by the schema, before anything is validated.

A schema of two kilobytes can ask the same of one value thirty million times: two forms, each of
which refers to two forms, and so on. No validator stops in the middle, so the looks are counted
first. A reference counts as the worst of the parts that it may lead to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("not", "if", "then", "else", "propertyNames")

Choice = Sequence[Any]
"""Schemas of which one is looked through."""


class _Node(NamedTuple):
    """One schema: what it asks of the value itself, and the ways in which it asks inner ones."""

    beside: Sequence[Choice]
    below: Sequence[Sequence[Choice]]


class Effort:
    """The looks that a schema takes along one path of a value.

    `once` are those of a schema that, where it refers to itself, remembers its verdicts.
    `has_forms` says whether one fault of it may hold the faults of several forms.
    """

    def __init__(self, schema: Any) -> None:
        """Count for a schema that was found to be one."""
        self._root = id(schema)
        self._nodes = _nodes(schema)
        self._beside = _order(self._nodes, lambda node: _flat(node.beside))
        self._levels = [self._level({})]
        self.once = self._once()
        self.has_forms = any(map(_has_forms, _objects(schema)))

    def at(self, depth: int) -> int:
        """The looks where no verdict is remembered, at a value that is nested so deep."""
        while len(self._levels) <= depth:
            self._levels.append(self._level(self._levels[-1]))
        return self._levels[depth].get(self._root, 1)

    def _once(self) -> int:
        looks: dict[int, int] = {}
        for key in _order(self._nodes, lambda node: [*_flat(node.beside), *_inner(node)]):
            looks[key] = self._looks(self._nodes[key], looks, looks)
        return looks.get(self._root, 1)

    def _level(self, deeper: Mapping[int, int]) -> dict[int, int]:
        looks: dict[int, int] = {}
        for key in self._beside:
            looks[key] = self._looks(self._nodes[key], looks, deeper)
        return looks

    @staticmethod
    def _looks(node: _Node, here: Mapping[int, int], deeper: Mapping[int, int]) -> int:
        beside = sum(_worst(choice, here) for choice in node.beside)
        ways = (sum(_worst(choice, deeper) for choice in way) for way in node.below)
        return 1 + beside + max(ways, default=0)


def _has_forms(schema: dict[str, Any]) -> bool:
    """Whether there are any here, or in the schema of schemas, which alone may be referred to."""
    return "anyOf" in schema or "oneOf" in schema or "json-schema.org" in str(schema.get("$ref"))


def _worst(choice: Choice, looks: Mapping[int, int]) -> int:
    return max((looks.get(id(each), 1) for each in choice), default=1)


def _flat(choices: Sequence[Choice]) -> list[int]:
    return [id(each) for choice in choices for each in choice]


def _inner(node: _Node) -> list[int]:
    return [key for way in node.below for key in _flat(way)]


def _nodes(root: Any) -> dict[int, _Node]:
    targets = _Targets(root)
    nodes: dict[int, _Node] = {}
    todo = [root]
    while todo:
        schema = todo.pop()
        if isinstance(schema, dict) and id(schema) not in nodes:
            node = _Node(list(_beside(schema, targets)), list(_below(schema)))
            nodes[id(schema)] = node
            todo += [each for choice in node.beside for each in choice]
            todo += [each for way in node.below for choice in way for each in choice]
    return nodes


class _Targets:
    """Where references may lead: to a pointer in any resource, or to any anchor of the name."""

    def __init__(self, root: Any) -> None:
        objects = list(_objects(root))
        self._resources = [root, *(each for each in objects if "$id" in each)]
        self._anchors: dict[Any, list[Any]] = {}
        for each in objects:
            for word in ("$anchor", "$dynamicAnchor"):
                if isinstance(name := each.get(word), str):
                    self._anchors.setdefault(name, []).append(each)

    def __call__(self, reference: Any) -> Choice:
        fragment = unquote(str(reference)).partition("#")[2]
        if fragment and not fragment.startswith("/"):
            return self._anchors.get(fragment, ())
        words = [each.replace("~1", "/").replace("~0", "~") for each in fragment.split("/")[1:]]
        return [_at(resource, words) for resource in self._resources]


def _objects(root: Any) -> Iterator[dict[str, Any]]:
    todo = [root]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            yield each
            todo += each.values()
        elif isinstance(each, list):
            todo += each


def _at(value: Any, words: Sequence[str]) -> Any:
    """What lies at a pointer; None where nothing does."""
    for word in words:
        if isinstance(value, list) and word.isdigit() and int(word) < len(value):
            value = value[int(word)]
        elif isinstance(value, dict):
            value = value.get(word)
        else:
            return None
    return value


def _beside(schema: dict[str, Any], targets: _Targets) -> Iterator[Choice]:
    for word in _LISTS:
        yield from ([each] for each in _list(schema, word))
    yield from ([schema[word]] for word in _SINGLE if word in schema)
    yield from ([each] for each in _members(schema, "dependentSchemas"))
    yield from (targets(schema[word]) for word in ("$ref", "$dynamicRef") if word in schema)


def _below(schema: dict[str, Any]) -> Iterator[Sequence[Choice]]:
    """What an inner value may meet: one of these, each of them schemas that it meets together."""

    def given(*words: str) -> list[Choice]:
        return [[schema[word]] for word in words if word in schema]

    last = given("unevaluatedProperties")
    patterns = [[each] for each in _members(schema, "patternProperties")]
    yield [_members(schema, "properties"), *patterns, *last]
    yield [*given("additionalProperties"), *last]
    items = [*_list(schema, "prefixItems"), schema.get("items", True)]
    yield [items, *given("contains", "unevaluatedItems")]


def _list(schema: dict[str, Any], word: str) -> list[Any]:
    found = schema.get(word)
    return found if isinstance(found, list) else []


def _members(schema: dict[str, Any], word: str) -> list[Any]:
    found = schema.get(word)
    return list(found.values()) if isinstance(found, dict) else []


def _order(nodes: Mapping[int, _Node], leads: Callable[[_Node], list[int]]) -> list[int]:
    """All nodes, each behind those that it leads to, as far as they do not lead back to it."""
    order: list[int] = []
    seen: set[int] = set()
    for first in nodes:
        todo = [(first, False)]
        while todo:
            key, done = todo.pop()
            if done:
                order.append(key)
            elif key in nodes and key not in seen:
                seen.add(key)
                todo.append((key, True))
                todo += [(each, False) for each in leads(nodes[key])]
    return order
