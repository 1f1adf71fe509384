"""What a flag and a segment are at one moment."""

from typing import Any, Literal, get_args

import msgspec

from domain.flags.conditions import Condition
from domain.flags.rules import OFF, Prerequisite, Setting
from domain.flags.variants import FlagKind

Purpose = Literal["release", "experiment", "operational", "kill-switch", "permission"]
"""What a flag is for, in Unleash's words (there it is the flag's `type`)."""

PURPOSES: tuple[str, ...] = get_args(Purpose)

LIFETIMES: dict[str, int | None] = {
    "release": 40,
    "experiment": 40,
    "operational": 7,
    "kill-switch": None,
    "permission": None,
}
"""Days after which a flag of a purpose is stale, unless it says otherwise; as in Unleash."""


DEFAULT_ENVIRONMENT = "default"
"""The environment of whoever names none."""


class NoFlag(msgspec.Struct, frozen=True):
    """No such flag was defined."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag says about itself, the same in every environment.

    `default` is its value where it is off or cannot be evaluated (None: false, "", 0 or null by
    `kind`); a flag of yes and no that is off is false whatever it says. `group` decides which
    subjects share a fate in rollouts. `lifetime` is in days and overrides that of the purpose.
    Changes of a `protected` flag need somebody's approval.
    `impressions` asks clients to report each evaluation.
    """

    description: str = ""
    group: str
    kind: FlagKind = "boolean"
    default: Any = None
    purpose: Purpose = "release"
    owner: str = ""
    tags: tuple[str, ...] = ()
    project: str = "default"
    lifetime: int | None = None
    protected: bool = False
    impressions: bool = False
    prerequisites: tuple[Prerequisite, ...] = ()


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """A flag and its settings by environment.

    While it is `killed` it is off everywhere, whatever its settings say; so it is while `archived`.
    """

    about: About
    settings: dict[str, Setting] = {}
    killed: bool = False
    archived: bool = False
    stale: bool = False

    def setting(self, environment: str) -> Setting:
        """What it does there; off where nobody has said anything."""
        return self.settings.get(environment, OFF)


class NoSegment(msgspec.Struct, frozen=True):
    """No such segment was defined."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A condition with a name, for the rules of many flags. It holds no segments itself."""

    description: str = ""
    condition: Condition
    archived: bool = False


Segments = dict[str, Segment]
"""The segments that exist, by name."""
