"""Strategies compiled into closures that say whether a rule activates for a context.

Their semantics are those of Unleash's engine: a strategy without its parameters, or of a name that
nobody knows, activates for nobody.
"""

from collections.abc import Callable

import mmh3
import msgspec

from domain.flags.bucketing import (
    DEFAULT_STICKINESS,
    EVERYBODY,
    RANDOM_STICKINESS,
    bucket,
    chance,
    rollout_subject,
)
from domain.flags.comparing import Holds, in_networks
from domain.flags.context import Context

HOST_FIELD = "hostname"
"""Where `applicationHostname` looks: Unleash's SDKs ask their machine, and here the caller says."""

REQUIRED_PARAMETERS = {
    "userWithId": "userIds",
    "flexibleRollout": "rollout",
    "gradualRolloutUserId": "percentage",
    "gradualRolloutSessionId": "percentage",
    "gradualRolloutRandom": "percentage",
    "remoteAddress": "IPs",
    "applicationHostname": "hostNames",
}
"""The parameter without which a strategy activates for nobody."""

SHARES: frozenset[str] = frozenset({"rollout", "percentage"})
"""Parameters that are percentages."""

NETWORKS: frozenset[str] = frozenset({"IPs"})
"""Parameters that list networks."""

_LARGEST_PERCENTAGE = 3
"""Digits."""


class Activation(msgspec.Struct, frozen=True):
    """When a strategy activates: `holds`, or always where that is None.

    `partial` tells that it lets in a share of those whom it could let in.
    """

    holds: Holds | None = None
    partial: bool = False


class Rollout(msgspec.Struct, frozen=True):
    """A share of the subjects that `stickiness` names, spread over `group`."""

    percent: int
    stickiness: str
    group: str


def compile_strategy(name: str, parameters: dict[str, str], group: str, salt: str) -> Activation:
    """When the strategy activates; `group` where it names none, `salt` tells its chances apart.

    Raises:
        ValueError: a percentage beyond 100.
    """
    if name == "default":
        return Activation()
    if name in _LISTS:
        return Activation(_LISTS[name](parameters))
    rollout = rollout_of(name, parameters, group)
    return Activation(_nobody) if rollout is None else compile_rollout(rollout, salt)


def rollout_of(name: str, parameters: dict[str, str], group: str) -> Rollout | None:
    """The rollout that a strategy is; None where it is none or does not say how far it goes.

    Raises:
        ValueError: a percentage beyond 100.
    """
    if name not in _ROLLOUTS:
        return None
    stickiness = _ROLLOUTS[name]
    percent = _percent(parameters.get(REQUIRED_PARAMETERS[name]))
    if percent is None:
        return None
    if not stickiness:
        stickiness = parameters.get("stickiness") or DEFAULT_STICKINESS
    return Rollout(percent, stickiness, parameters.get("groupId") or group)


def compile_rollout(rollout: Rollout, salt: str) -> Activation:
    """When a subject's bucket is within the share."""
    percent, stickiness, group = rollout.percent, rollout.stickiness, rollout.group
    somebody = stickiness in {DEFAULT_STICKINESS, RANDOM_STICKINESS}
    if percent >= EVERYBODY and somebody:
        return Activation()
    if percent <= 0:
        return Activation(_nobody)
    partial = percent < EVERYBODY
    if stickiness == RANDOM_STICKINESS:
        return Activation(lambda context: bucket(group, chance(context, salt)) <= percent, partial)
    field, prefix = "userId" if somebody else stickiness, f"{group}:"

    def holds(context: Context) -> bool:
        subject = context.fields[field]
        if subject is None:
            subject = rollout_subject(context, stickiness, salt)
        # `bucket(group, subject) <= percent`, in half its time: most rules that decide come by here
        return subject is not None and mmh3.hash(prefix + subject, 0, False) % EVERYBODY < percent

    return Activation(holds, partial)


def _percent(text: str | None) -> int | None:
    """A whole number of percent; None where there is none, and the strategy lets nobody in."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    percent = int(text) if len(text) <= _LARGEST_PERCENTAGE else EVERYBODY + 1
    if percent > EVERYBODY:
        raise ValueError(f"{text[:20]} is more than {EVERYBODY} percent")
    return percent


def _nobody(_context: Context) -> bool:
    return False


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _user_with_id(parameters: dict[str, str]) -> Holds:
    if "userIds" not in parameters:
        return _nobody
    users = frozenset(_listed(parameters["userIds"]))
    return lambda context: context.fields["userId"] in users


def _remote_address(parameters: dict[str, str]) -> Holds:
    return in_networks("remoteAddress", _listed(parameters.get("IPs", "")))


def _application_hostname(parameters: dict[str, str]) -> Holds:
    hosts = frozenset(host.lower() for host in _listed(parameters.get("hostNames", "")))

    def holds(context: Context) -> bool:
        host = context.fields[HOST_FIELD]
        return host is not None and host.lower() in hosts

    return holds


_LISTS: dict[str, Callable[[dict[str, str]], Holds]] = {
    "userWithId": _user_with_id,
    "remoteAddress": _remote_address,
    "applicationHostname": _application_hostname,
}

_ROLLOUTS: dict[str, str] = {
    "flexibleRollout": "",
    "gradualRolloutUserId": "userId",
    "gradualRolloutSessionId": "sessionId",
    "gradualRolloutRandom": RANDOM_STICKINESS,
}
"""What a rollout is sticky by ("": as its parameter says)."""
