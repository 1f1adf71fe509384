"""What Unleash has no word for: our documents carry it beside the rest, and Unleash reads on."""

from typing import Any

import msgspec

from domain.flags.places import Place
from domain.flags.state import About
from domain.flags.variants import FlagKind


class _Extras(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    kind: FlagKind = "boolean"
    default: Any = None
    group: str = ""
    owner: str = ""
    lifetime: int | None = None
    protected: bool = False


def written_extras(key: str, about: About) -> dict[str, Any]:
    """The member that says it; none where there is nothing to say."""
    extras = _Extras(
        kind=about.kind,
        default=about.default,
        group="" if about.group == key else about.group,
        owner=about.owner,
        lifetime=about.lifetime,
        protected=about.protected,
    )
    said = msgspec.to_builtins(extras)
    return {"annals": said} if said else {}


def read_extras(place: Place, about: About) -> About:
    """A flag with what its document says of it in our own words, if anything."""
    if not place.given or not place.is_object():
        return about
    try:
        extras = msgspec.convert(place.value, _Extras)
    except msgspec.ValidationError as error:
        place.fault("type", str(error)[:200])
        return about
    return msgspec.structs.replace(
        about,
        kind=extras.kind,
        default=extras.default,
        group=extras.group or about.group,
        owner=extras.owner,
        lifetime=extras.lifetime,
        protected=extras.protected,
    )
