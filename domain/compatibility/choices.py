"""What a wide schema asks by other schemas: all of them, one of them, or by condition."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.compatibility.documents import Part
from domain.compatibility.findings import Break
from domain.compatibility.narrow import Narrow

if TYPE_CHECKING:
    from domain.compatibility.proof import Proof

_TOGETHER = {"object": ("unevaluatedProperties",), "array": ("unevaluatedItems",)}
"""Keywords that depend on all others beside them: the same only where all is the same."""


def choice_breaks(proof: "Proof", known: Narrow, wide: Part) -> list[Break]:
    """What a wide schema's applicators ask beyond what the narrow one promises."""
    found = [*_references(proof, known, wide), *_all(proof, known, wide)]
    found += [*_any(proof, known, wide), *_one(proof, known, wide), *_not(proof, known, wide)]
    found += [*_conditions(proof, known, wide), *_dependent(proof, known, wide)]
    for word in _TOGETHER.get(known.type, ()):
        if wide.schema.get(word, True) not in (True, {}):
            found.append(proof.unproven(known, wide, word))
    return found


def _references(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    if "$ref" in wide.schema:
        target = proof.wide.target(wide.schema["$ref"])
        if target is None:
            yield proof.unproven(known, wide, "$ref")
        else:
            yield from proof.beside(known, target)
    if "$dynamicRef" in wide.schema:
        yield proof.unproven(known, wide, "$dynamicRef")


def _all(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    for index in range(len(wide.schema.get("allOf", ()))):
        yield from proof.beside(known, wide.below("allOf", index))


def _any(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    forms = [wide.below("anyOf", n) for n in range(len(wide.schema.get("anyOf", ())))]
    if forms and all(proof.beside(known, form) for form in forms):
        yield proof.broken(known, wide, "anyOf", f"has no form for every {known.type}")


def _one(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    forms = [wide.below("oneOf", n) for n in range(len(wide.schema.get("oneOf", ())))]
    if not forms:
        return
    fitting = next((form for form in forms if not proof.beside(known, form)), None)
    if fitting is None:
        yield proof.broken(known, wide, "oneOf", f"has no form for every {known.type}")
    elif not all(proof.apart(known.parts, [form]) for form in forms if form is not fitting):
        yield proof.unproven(known, wide, "oneOf")


def _not(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    if "not" in wide.schema and not proof.keeps(known, wide, "not"):
        refused = wide.below("not")
        if not proof.apart([*known.parts, Part("", {"type": known.type})], [refused]):
            yield proof.unproven(known, wide, "not")


def _conditions(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    words = [word for word in ("then", "else") if word in wide.schema]
    if "if" not in wide.schema or not words or proof.keeps(known, wide, "if", "then", "else"):
        return
    if any(proof.beside(known, wide.below(word)) for word in words):
        yield proof.unproven(known, wide, "if")


def _dependent(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    for word in ("dependentSchemas", "dependencies"):
        if known.type != "object" or word not in wide.schema or proof.keeps(known, wide, word):
            continue
        for name in wide.schema[word]:
            if not _depends_safely(proof, known, wide.below(word, name), name):
                yield proof.unproven(known, wide, word)


def _depends_safely(proof: "Proof", known: Narrow, asked: Part, name: str) -> bool:
    if isinstance(asked.schema, list):
        return False
    return proof.impossible(known.member(name)) or not proof.beside(known, asked)
