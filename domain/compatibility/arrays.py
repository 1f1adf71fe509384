"""What a wide schema asks of arrays, and whether the narrow one promises it."""

from typing import TYPE_CHECKING

from domain.compatibility.documents import Part
from domain.compatibility.findings import Break
from domain.compatibility.narrow import Narrow
from domain.compatibility.scalars import length_breaks

if TYPE_CHECKING:
    from domain.compatibility.proof import Proof


def array_breaks(proof: "Proof", known: Narrow, wide: Part) -> list[Break]:
    """What a wide schema asks of arrays beyond what the narrow one promises."""
    schema = wide.schema
    lengths = length_breaks(known, schema, "minItems", "maxItems", "items")
    found = [proof.broken(known, wide, word, reason) for word, reason in lengths]
    longest = known.least("maxItems")
    is_short = longest is not None and longest <= 1
    if schema.get("uniqueItems") and True not in known.all("uniqueItems") and not is_short:
        found.append(proof.broken(known, wide, "uniqueItems", "takes no item twice"))
    trio = ("contains", "minContains", "maxContains")
    if "contains" in schema and not proof.keeps(known, wide, *trio):
        found.append(proof.unproven(known, wide, "contains"))
    return found + _item_breaks(proof, known, wide)


def _item_breaks(proof: "Proof", known: Narrow, wide: Part) -> list[Break]:
    """Item by item as far as either schema tells them apart, then all that follow."""
    own = len(wide.schema.get("prefixItems", ()))
    apart = max(own, known.positions)
    longest = known.least("maxItems")
    found: list[Break] = []
    for index in range(apart + 1):
        if longest is not None and index >= longest:
            break
        if proof.impossible(known.item(index)):
            break
        if index < own:
            found += proof.below(known.item(index), wide.below("prefixItems", index))
        elif "items" in wide.schema:
            found += proof.below(known.item(index), wide.below("items"))
    return found
