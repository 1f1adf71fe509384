"""Whether a new version of a schema keeps what an old one promised, and where it does not.

Backward: what the old schema took, the new one takes. Forward: what the new one takes, the old one
took. What cannot be proven compatible counts as a break, with a code of its own.
"""

from typing import Any, Literal

from domain import exact_json
from domain.rejections import Fault

Direction = Literal["backward", "forward"]


class Break(Fault, frozen=True, kw_only=True):
    """One thing that breaks compatibility, at a pointer into the new schema."""

    direction: Direction


def breaks(old: Any, new: Any, *, direction: Direction) -> list[Break]:
    """Where a new schema breaks a promise towards an old one."""
    if exact_json.equal(old, new):
        return []
    detail = "cannot be proven to take the same values"
    return [Break(pointer="", code="unproven", detail=detail, direction=direction)]
