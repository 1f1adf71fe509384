"""Whether a new version of a schema keeps what an old one promised, and where it does not.

Backward: what the old schema took, the new one takes. Forward: what the new one takes, the old one
took. Both are one question, whether all values of a narrow schema are values of a wide one, and
it is answered by proof: for every value alike, keyword by keyword, and never by trying values.

The question has no complete answer that ends in time, so this one is sound and not complete: what
it calls compatible is. What it cannot prove counts as a break, with the code `unproven`. Where the
field's registries differ (Confluent's rules for JSON Schema are such a list of changes), the
meaning of the two schemas decides, so compatibility is transitive: versions that were each
compatible with the one before are compatible with all before.
"""

from typing import Any

from domain import exact_json
from domain.compatibility.documents import Document
from domain.compatibility.findings import Break, Direction
from domain.compatibility.proof import Proof

__all__ = ["Break", "Direction", "breaks"]


def breaks(old: Any, new: Any, *, direction: Direction) -> list[Break]:
    """Where a new schema breaks a promise towards an old one, at pointers into the new one."""
    if exact_json.equal(old, new):
        return []
    before, after = Document(old), Document(new)
    narrow, wide = (before, after) if direction == "backward" else (after, before)
    return Proof(narrow, wide, direction).breaks()
