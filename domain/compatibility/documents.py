"""A schema as a document: where its references lead, and what must hold all at once."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from domain import exact_json
from domain.exact_json import escaped

_SCOPES = ("$id", "$dynamicAnchor", "$dynamicRef")


class Part(NamedTuple):
    """A schema within a document, at its pointer."""

    pointer: str
    schema: Any

    def below(self, *names: str | int) -> "Part":
        """The part at these members or items."""
        pointer, schema = self
        for name in names:
            pointer, schema = f"{pointer}/{escaped(str(name))}", schema[name]
        return Part(pointer, schema)


class Document:
    """One schema, whose local references can be followed.

    References are only followed where their meaning does not depend on where one comes from: not
    once there are base URIs below the root or dynamic references.
    """

    def __init__(self, root: Any) -> None:
        """`root` is the whole schema."""
        self.root = Part("", root)
        self._plain = not _has_scopes(root)
        self._anchors: dict[str, Part | None] = {}
        for part in parts_of(self.root):
            if isinstance(name := part.schema.get("$anchor"), str):  # one that comes twice is none
                self._anchors[name] = None if name in self._anchors else part

    def target(self, reference: Any) -> Part | None:
        """The part that a reference leads to, None where that cannot be told."""
        if not self._plain or not isinstance(reference, str) or not reference.startswith("#"):
            return None
        if reference != "#" and not reference.startswith("#/"):
            return self._anchors.get(reference[1:])
        part = self.root
        for name in reference.split("/")[1:]:
            key = name.replace("~1", "/").replace("~0", "~")
            if "%" in key:
                return None
            match part.schema:
                case dict() if key in part.schema:
                    part = part.below(key)
                case list() if key.isdigit() and int(key) < len(part.schema):
                    part = part.below(int(key))
                case _:
                    return None
        return part

    def conjuncts(self, part: Part) -> list[Part] | None:
        """The schemas that must all hold for this one to hold, without `allOf` and `$ref`.

        None: no value satisfies them. What a reference means that cannot be followed is left
        out, which makes the schema wider: right for the narrow side of a proof.
        """
        found: list[Part] = []
        seen: set[int] = set()
        todo = [part]
        while todo:
            each = todo.pop()
            if each.schema is False:
                return None
            if not isinstance(each.schema, dict) or id(each.schema) in seen:
                continue
            seen.add(id(each.schema))
            found.append(each)
            todo += [each.below("allOf", n) for n in range(len(each.schema.get("allOf", ())))]
            if (target := self.target(each.schema.get("$ref"))) is not None:
                todo.append(target)
        return found

    def same(self, part: Part, other: "Document", theirs: Part) -> bool:
        """Whether two parts mean the same because they say the same, references included."""
        todo, seen = [(part.schema, theirs.schema)], set[str]()
        while todo:
            one, two = todo.pop()
            if not exact_json.equal(one, two):
                return False
            for reference in _references(one):
                if reference in seen:
                    continue
                seen.add(reference)
                mine, yours = self.target(reference), other.target(reference)
                if mine is None or yours is None:
                    return False
                todo.append((mine.schema, yours.schema))
        return self._plain or not _has_scopes(part.schema, below_root=False)


def parts_of(root: Part) -> Iterator[Part]:
    """All objects of a document, schemas or not."""
    todo = [root]
    while todo:
        part = todo.pop()
        if isinstance(part.schema, dict):
            yield part
            todo += [part.below(name) for name in part.schema]
        elif isinstance(part.schema, list):
            todo += [part.below(index) for index in range(len(part.schema))]


def _references(schema: Any) -> list[str]:
    return [
        part.schema[name]
        for part in parts_of(Part("", schema))
        for name in ("$ref", "$dynamicRef")
        if isinstance(part.schema.get(name), str)
    ]


def _has_scopes(schema: Any, *, below_root: bool = True) -> bool:
    return any(
        isinstance(part.schema.get(name), str)
        for part in parts_of(Part("", schema))
        for name in _SCOPES
        if not (below_root and name == "$id" and part.pointer == "")
    )
