"""Contexts: what a caller says about whom a flag is evaluated for.

Both dialects are taken at once: Unleash's fields and `properties`, and OpenFeature's `targetingKey`
with anything beside it. A field is looked up when a rule first asks for it and its text is kept,
because one context often meets thousands of flags.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

MOST_TEXT = 65_536
"""Characters that a field may have where a rule looks at it."""

_STANDS_FOR = {"userId": "targetingKey", "targetingKey": "userId"}
_LARGEST = 1 << 64

Parse = Callable[[str], Any]
"""Reads a text as something; raises ValueError where it is none."""


class InvalidContext(ValueError):  # noqa: N818 - a fact about the context
    """The context says something that no rule can look at."""


class _Fields(dict[str, str | None]):
    """Texts by field, each looked up once; None where the context does not say."""

    __slots__ = ("_at", "_raw")

    def __init__(self, raw: dict[str, Any], at: datetime) -> None:
        self._raw = raw
        self._at = at

    def __missing__(self, field: str) -> str | None:
        text = _text(self._raw, field)
        if text is None and field in _STANDS_FOR:
            text = _text(self._raw, _STANDS_FOR[field])
        if text is None and field == "currentTime":
            moment = self._at.astimezone(UTC).isoformat(timespec="milliseconds")
            text = moment.replace("+00:00", "Z")
        self[field] = text
        return text


class _Parsed(dict[tuple[Parse, str], Any]):
    """What fields' texts stand for, each read once; None where they stand for nothing."""

    __slots__ = ("_fields",)

    def __init__(self, fields: _Fields) -> None:
        self._fields = fields

    def __missing__(self, key: tuple[Parse, str]) -> Any:
        parse, field = key
        text = self._fields[field]
        value = None
        if text is not None:
            try:
                value = parse(text)
            except ValueError:
                value = None
        self[key] = value
        return value


class Context:
    """Whom a flag is evaluated for. Nothing of it changes what was said, only what was looked up.

    `raw` is what was said, `fields[name]` a field's text or None, `parsed[parse, name]` what the
    text stands for or None. `seed` is any text of the caller's: requests with the same seed share
    their chance.
    `parents` and `segments` are for whoever evaluates these, to keep what they gave.
    """

    __slots__ = ("at", "fields", "parents", "parsed", "raw", "seed", "segments")

    def __init__(self, raw: dict[str, Any], at: datetime, seed: str) -> None:
        """Take what was said, the time of asking and the request's chance."""
        self.at = at
        self.raw = raw
        self.seed = seed
        self.fields = _Fields(raw, at)
        self.parsed = _Parsed(self.fields)
        self.parents: dict[Any, Any] = {}
        self.segments: dict[Any, bool] = {}


def make_context(raw: dict[str, Any], *, at: datetime, seed: str) -> Context:
    """A context from what a caller has sent, as it was read from JSON."""
    return Context(raw if isinstance(raw, dict) else {}, at, whole(seed))


def whole(text: str) -> str:
    """A text that UTF-8 can carry: halves of characters become U+FFFD, as encoders have it."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def text_of(value: Any) -> str | None:
    """A value as rules compare it: texts as they are, numbers and booleans as JSON writes them.

    Raises:
        InvalidContext: a text that is too long to look at.
    """
    if isinstance(value, str):
        if len(value) > MOST_TEXT:
            raise InvalidContext(f"has more than {MOST_TEXT} characters")
        return whole(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and -_LARGEST < value < _LARGEST:
        return str(value)
    if isinstance(value, int | float):
        return _decimal(value)
    return None


def _decimal(value: float) -> str | None:
    """A number as JSON writes it; None for those that JSON does not have."""
    try:
        text = repr(float(value))
    except OverflowError:
        return None
    if text in {"nan", "inf", "-inf"}:
        return None
    return text.replace("e-0", "e-").replace("e+0", "e+")


def _text(raw: dict[str, Any], field: str) -> str | None:
    """A field's text: at the top, else in the properties, else along the dots of its name."""
    text = text_of(raw.get(field))
    if text is not None:
        return text
    properties = raw.get("properties")
    if isinstance(properties, dict):
        text = text_of(properties.get(field))
    if text is None and "." in field:
        parts = field.split(".")
        text = text_of(_along(raw, parts))
        if text is None:
            text = text_of(_along(properties, parts))
    return text


def _along(value: Any, parts: list[str]) -> Any:
    for part in parts:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value
