"""Lists, page by page: an opaque cursor leads to the next one."""

import base64
import binascii
from typing import Annotated, Any

import msgspec

from application.boundary import MAX_INTEGER, check_text
from domain.rejections import Fault, Invalid

MOST = 1000
USUAL = 50

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST, description="At most so many items.")]
Cursor = Annotated[
    str, msgspec.Meta(max_length=600, description="`next` of the page before this one.")
]


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a list."""

    cursor: Cursor = ""
    limit: Limit = USUAL


def make_cursor(*keys: Any) -> str:
    """An opaque cursor that remembers the keys of a page's last item."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).decode().rstrip("=")


def read_cursor(cursor: str, *types: Any) -> tuple[Any, ...] | None:
    """The keys that a cursor remembers, None for the first page.

    Raises:
        Invalid: when it is none of ours.
    """
    if not cursor:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        keys: tuple[Any, ...] = msgspec.json.decode(raw, type=tuple[types])  # type: ignore[valid-type]
        for key in keys:
            if isinstance(key, str):
                check_text(key)
            elif isinstance(key, int) and not 0 <= key <= MAX_INTEGER:
                raise ValueError(key)  # noqa: TRY301 - one answer for every way of being wrong
    except (binascii.Error, ValueError, RecursionError, Invalid):
        fault = Fault(pointer="/cursor", code="cursor", detail="is no cursor that a page has given")
        raise Invalid(fault) from None
    return keys
