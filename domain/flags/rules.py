"""Rules: who a flag is on for in one environment, and what they are served.

The first rule whose condition holds and whose strategy activates decides. Strategies and their
parameters are Unleash's, names and all (https://docs.getunleash.io/reference/activation-strategies):

- `default`: everybody
- `userWithId`: `userIds`, separated by commas
- `flexibleRollout`: `rollout` percent by `stickiness` (default, random, or any field), `groupId`
- `gradualRolloutUserId`, `gradualRolloutSessionId`: `percentage`, `groupId`
- `gradualRolloutRandom`: `percentage`
- `remoteAddress`: `IPs`, addresses or networks, separated by commas
- `applicationHostname`: `hostNames`, separated by commas, of which the context's `hostname` is one

A strategy of any other name activates for nobody. An empty `groupId` stands for the flag's group.
"""

from typing import Literal, get_args

import msgspec

from domain.flags.conditions import EVERYONE, Condition
from domain.flags.variants import Variant

StrategyName = Literal[
    "default",
    "userWithId",
    "flexibleRollout",
    "gradualRolloutUserId",
    "gradualRolloutSessionId",
    "gradualRolloutRandom",
    "remoteAddress",
    "applicationHostname",
]
STRATEGIES: frozenset[str] = frozenset(get_args(StrategyName))

EVERYBODY = 100
"""Percent."""

Bucketing = Literal["unleash", "flagd"]
"""How variants' weights meet a subject: Unleash's normalised murmur3 with its seed for variants, or
flagd's `fractional` (murmur3 of flag key and targeting key over the whole 32 bits).
"""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One strategy, for those whose context fits.

    `id` is unique in its environment and stays with the rule when others move. Who is let in is
    served one of `variants` by weight (spread over the strategy's group), else the flag's variant
    named in `serve`, else one of the flag's variants by weight (spread over the flag's key).
    """

    id: str = ""
    title: str = ""
    disabled: bool = False
    condition: Condition = EVERYONE
    strategy: str = "default"
    parameters: dict[str, str] = {}
    variants: tuple[Variant, ...] = ()
    serve: str = ""
    bucketing: Bucketing = "unleash"


class Prerequisite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another flag that must be on (or off) in the same environment, and serve one of `variants`.

    Without `variants` any will do; `disabled` stands for none, as in Unleash. A flag that is
    archived counts as off, and one that nobody has defined is never what is wanted.
    """

    flag: str
    enabled: bool = True
    variants: tuple[str, ...] = ()


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag does in one environment.

    Without rules it is on for `rollout` percent by default stickiness; with rules, they alone
    decide. `variants` are the flag's there.
    """

    enabled: bool = False
    rollout: int = EVERYBODY
    rules: tuple[Rule, ...] = ()
    variants: tuple[Variant, ...] = ()


OFF = Setting()
