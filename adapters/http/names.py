"""The names that people give to flags, limits and actions, and the ids that we give."""

import re
from collections.abc import Callable, Container
from typing import Annotated
from uuid import UUID

import msgspec

from domain.rejections import Fault, Invalid, NotFound

NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$"
_NAME = re.compile(NAME_PATTERN[1:-1])

NO_NUL = {"pattern": "^[^\\u0000]*$"}
"""For the schemas of texts: U+0000 is refused wherever it stands, by the boundary."""

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]

Typed = Annotated[str, msgspec.Meta(max_length=1000)]
"""What somebody types in: an address, a password, a token."""

LONGEST_FOREIGN = 150
"""Bytes of UTF-8."""

RESERVED = frozenset(
    {
        "all", "cancel", "check", "current", "default", "disable", "enable", "evaluate", "events",
        "history", "live", "log", "me", "new", "null", "requeue", "role", "runs", "search",
        "undefined",
    }
)  # fmt: skip
"""Words of the API, which may name no thing."""


def new_name(text: str, *, reserved: Container[str] = RESERVED) -> str:
    """A name for a thing that may come into being; `reserved` words stand where names do.

    Raises:
        Invalid: when it has other characters than URLs take as they are, or is a reserved word.
    """
    if not _NAME.fullmatch(text):
        detail = (
            "the name must be 1 to 100 letters, digits or . _ ~ - and begin with a letter or digit"
        )
        raise Invalid(Fault(pointer="", code="name", detail=detail))
    if text.lower() in reserved:
        detail = f"{text} is a word of the API and cannot be a name"
        raise Invalid(Fault(pointer="", code="reserved", detail=detail))
    return text


def known_name(text: str, missing: Callable[[str], NotFound]) -> str:
    """A name of a thing that may be there.

    Raises:
        NotFound: what `missing` makes, when nothing can have this name.
    """
    if not _NAME.fullmatch(text):
        raise missing(text.encode("utf-8", "replace").decode())
    return text


def is_foreign_name(text: str) -> bool:
    """Whether a thing that came from another system may have this name: printable, in one path."""
    fits = text.isprintable() and "/" not in text and 0 < len(text.encode()) <= LONGEST_FOREIGN
    return fits and text not in {".", ".."}  # which clients take out of a path


def known_foreign_name(text: str, missing: Callable[[str], NotFound]) -> str:
    """As `known_name`, for what may have come from another system.

    Raises:
        NotFound: what `missing` makes, when nothing can have this name.
    """
    if not is_foreign_name(text):
        raise missing(text.encode("utf-8", "replace").decode())
    return text


def known_id(text: str, missing: Callable[[str], NotFound]) -> str:
    """An id in its one spelling.

    Raises:
        NotFound: what `missing` makes, when it is no id.
    """
    try:
        id_ = str(UUID(text))
    except ValueError:
        raise missing(text) from None
    if id_ != text.lower():
        raise missing(text)
    return id_
