"""What a proof that failed has found."""

from typing import Literal

from domain.rejections import Fault

Direction = Literal["backward", "forward"]

_CODES = {
    "required": ("required-added", "required-removed"),
    "": ("schema-narrowed", "schema-widened"),
}
UNPROVEN = "unproven"


class Break(Fault, frozen=True, kw_only=True):
    """One thing that breaks compatibility, at a pointer into the new schema."""

    direction: Direction


def broken(pointer: str, keyword: str, reason: str, direction: Direction) -> Break:
    """A break at a keyword; `reason` is what the stricter schema does, as `requires mail`."""
    narrowed, widened = _CODES.get(keyword, (f"{keyword}-narrowed", f"{keyword}-widened"))
    if direction == "backward":
        code, detail = narrowed, f"the new version {reason}, the old one did not"
    else:
        code, detail = widened, f"the old version {reason}, the new one does not"
    return Break(pointer=pointer, code=code, detail=detail[:500], direction=direction)


def unproven(pointer: str, reason: str, direction: Direction) -> Break:
    """A break at what may be compatible, and cannot be shown to be."""
    return Break(pointer=pointer, code=UNPROVEN, detail=reason[:500], direction=direction)
