"""What a flag says about itself, in flagd's metadata: texts, numbers, true and false by name."""

from typing import Any, Final

import msgspec

from domain.flags.places import Place, json_text, quoted
from domain.flags.state import PURPOSES, About

_TEXTS: Final = ("description", "owner", "project")
_TAGS: Final = "tags"
_RESERVED: Final = {*_TEXTS, _TAGS, "purpose", "stale", "archived", "lifetime", "protected"}


def read_about(of_set: Place, of_flag: Place, about: About) -> About:
    """A flag with what its metadata say, and those of the whole set where it says nothing else."""
    said = {**dict(of_set.members()), **dict(of_flag.members())}
    for name in sorted(_RESERVED & said.keys()):
        about = _with(about, name, said[name])
    tags = [tag for name, place in said.items() for tag in _tags(name, place)]
    return msgspec.structs.replace(about, tags=tuple(dict.fromkeys(tags)))


def _with(about: About, name: str, place: Place) -> About:
    if name in _TEXTS:
        return msgspec.structs.replace(about, **{name: place.text("")})
    match name:
        case "purpose" if place.value in PURPOSES:
            return msgspec.structs.replace(about, purpose=place.value)
        case "purpose":
            place.warn("unknown-purpose", f"{quoted(str(place.value))} is no purpose: left out")
        case "lifetime":
            return msgspec.structs.replace(about, lifetime=place.whole())
        case "protected":
            return msgspec.structs.replace(about, protected=place.boolean())
    return about


def _tags(name: str, place: Place) -> list[str]:
    value = place.value
    if name == _TAGS:
        return [tag for tag in place.text("").split(",") if tag]
    if name in _RESERVED:
        return []
    if value is True:
        return [name]
    if isinstance(value, str):
        return [f"{name}:{value}"]
    if isinstance(value, dict | list) or value is None:
        place.fault("type", "must be a text, a number, true or false")
        return []
    place.warn("metadata", "is kept as a text, in a tag of the flag")
    return [f"{name}:{json_text(value)}"]


def written_about(about: About, *, stale: bool, archived: bool) -> dict[str, Any]:
    """The metadata of a flag."""
    usual = About(group=about.group)
    said: dict[str, Any] = {
        name: getattr(about, name)
        for name in (*_TEXTS, "purpose", "lifetime", "protected")
        if getattr(about, name) != getattr(usual, name)
    }
    said |= {name: True for name, so in (("stale", stale), ("archived", archived)) if so}
    together = []
    for tag in about.tags:
        name, colon, value = tag.partition(":")
        if name and name not in said and name not in _RESERVED:
            said[name] = value if colon else True
        else:
            together.append(tag)
    if together:
        said[_TAGS] = ",".join(together)
    return said
