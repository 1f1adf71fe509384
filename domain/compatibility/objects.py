"""What a wide schema asks of objects, and whether the narrow one promises it.

The members of the narrow schema's objects fall into classes: those that it names, those that
match one of its patterns, and all others.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from domain.compatibility.documents import Part
from domain.compatibility.findings import Break
from domain.compatibility.narrow import Narrow, exactly, matches
from domain.compatibility.scalars import length_breaks

if TYPE_CHECKING:
    from domain.compatibility.proof import Proof


def object_breaks(proof: "Proof", known: Narrow, wide: Part) -> list[Break]:
    """What a wide schema asks of objects beyond what the narrow one promises."""
    schema = wide.schema
    found: list[Break] = []
    missing = [name for name in schema.get("required", ()) if name not in known.required]
    if missing:
        found.append(proof.broken(known, wide, "required", f"requires {', '.join(missing)}"))
    counts = length_breaks(known, schema, "minProperties", "maxProperties", "members")
    for word, reason in counts:
        if word == "minProperties" and len(known.required) >= schema[word]:
            continue
        found.append(proof.broken(known, wide, word, reason))
    found += [*_named(proof, known, wide), *_patterned(proof, known, wide)]
    found += [*_others(proof, known, wide), *_names(proof, known, wide)]
    return [*found, *_dependent(proof, known, wide)]


def _named(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    for name in wide.schema.get("properties", ()):
        yield from proof.below(known.member(name), wide.below("properties", name))


def _patterned(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    for pattern in wide.schema.get("patternProperties", ()):
        asked = wide.below("patternProperties", pattern)
        for name in sorted(known.names):
            if matches(pattern, name) is not False:
                yield from proof.below(known.member(name), asked)
        for mine in sorted(known.patterns):
            yield from proof.below(known.matching(mine), asked)
        if pattern not in known.patterns:
            yield from proof.below(known.others(), asked)


def _others(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    if "additionalProperties" not in wide.schema:
        return
    asked = wide.below("additionalProperties")
    named = wide.schema.get("properties", ())
    patterns = wide.schema.get("patternProperties", ())
    for name in sorted(known.names):
        if name not in named and not any(matches(each, name) for each in patterns):
            yield from _other(proof, known, wide, known.member(name), name)
    for pattern in sorted(known.patterns):
        if pattern not in patterns:
            yield from proof.below(known.matching(pattern), asked)
    yield from _other(proof, known, wide, known.others(), "")


def _other(proof: "Proof", known: Narrow, wide: Part, member: list[Part], name: str) -> list[Break]:
    asked = wide.below("additionalProperties")
    found = proof.below(member, asked)
    if found and asked.schema is False:
        reason = f"takes no member {name[:60]}" if name else "takes no members but those it names"
        return [proof.broken(known, wide, "additionalProperties", reason)]
    return found


def _names(proof: "Proof", known: Narrow, wide: Part) -> list[Break]:
    if "propertyNames" not in wide.schema or proof.keeps(known, wide, "propertyNames"):
        return []
    asked = wide.below("propertyNames")
    if not known.patterns and proof.impossible(known.others() or [Part("", True)]):
        names = [Part(known.pointer, exactly(name)) for name in sorted(known.names)]
        return [found for name in names for found in proof.below([name], asked)]
    given = [part.below("propertyNames") for part in known.parts if "propertyNames" in part.schema]
    return proof.below([*given, Part(known.pointer, {"type": "string"})], asked)


def _dependent(proof: "Proof", known: Narrow, wide: Part) -> Iterator[Break]:
    given = known.all("dependentRequired")
    for name, wanted in wide.schema.get("dependentRequired", {}).items():
        promised = known.required.union(*(each.get(name, ()) for each in given))
        missing = [each for each in wanted if each not in promised]
        if missing and not proof.impossible(known.member(name)):
            reason = f"requires {', '.join(missing)} beside {name}"
            yield proof.broken(known, wide, "dependentRequired", reason)
