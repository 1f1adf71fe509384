"""What Unleash has no word for: our documents carry it beside the rest, and Unleash reads on."""

from typing import Any

import msgspec

from domain.flags.places import Place
from domain.flags.state import About, Flag
from domain.flags.variants import FlagKind


class Extras(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a document says of a flag in our own words.

    `enabled` is said of a flag that is off for another reason: it is `killed`, or archived.
    """

    kind: FlagKind = "boolean"
    default: Any = None
    group: str = ""
    owner: str = ""
    lifetime: int | None = None
    protected: bool = False
    killed: bool = False
    enabled: bool = False


def written_extras(key: str, flag: Flag, environment: str) -> dict[str, Any]:
    """The member that says it; none where there is nothing to say."""
    about = flag.about
    extras = Extras(
        kind=about.kind,
        default=about.default,
        group="" if about.group == key else about.group,
        owner=about.owner,
        lifetime=about.lifetime,
        protected=about.protected,
        killed=flag.killed,
        enabled=flag.setting(environment).enabled and (flag.killed or flag.archived),
    )
    said = msgspec.to_builtins(extras)
    return {"annals": said} if said else {}


def read_extras(place: Place) -> Extras:
    """What a document says of a flag in our own words, if anything."""
    if not place.given or not place.is_object():
        return Extras()
    try:
        return msgspec.convert(place.value, Extras)
    except msgspec.ValidationError as error:
        place.fault("type", str(error)[:200])
        return Extras()


def with_extras(about: About, extras: Extras) -> About:
    """What a flag says about itself, in Unleash's words and in ours."""
    return msgspec.structs.replace(
        about,
        kind=extras.kind,
        default=extras.default,
        group=extras.group or about.group,
        owner=extras.owner,
        lifetime=extras.lifetime,
        protected=extras.protected,
    )
