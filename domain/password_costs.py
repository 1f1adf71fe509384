"""Password costs: with which functions and costs the hashes in the log may have been made.

Hashes are sealed, and an imported one takes longer to check than one of today's. Which costs there
are is known beside the hashes, so that every wrong password can take as long as the dearest.
"""

from datetime import datetime

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Conflict

MOST_COSTS = 32
"""So many different costs may be told apart; each is tried out by every process that starts."""


class PasswordCosts(msgspec.Struct, frozen=True, kw_only=True):
    """A function (`argon2id`, `bcrypt`) and its costs; bcrypt's `passes` are powers of two."""

    function: str
    passes: int
    memory_kib: int = 0
    lanes: int = 1


class PasswordCostsNoted(Event, frozen=True, kw_only=True, tag="password_costs.noted"):
    """Hashes of these costs come into the log."""

    costs: tuple[PasswordCosts, ...]


class NotePasswordCosts(Command, frozen=True, kw_only=True):
    """Tell of which costs hashes are to come."""

    costs: tuple[PasswordCosts, ...]
    at: datetime


class KnownCosts(msgspec.Struct, frozen=True):
    """All costs that hashes may have."""

    costs: frozenset[PasswordCosts] = frozenset()


class TooManyPasswordCosts(Conflict):
    """Hashes of so many different costs cannot all be answered alike."""

    slug = "too-many-password-costs"
    title = "Password hashes have too many different costs"


def decide(known: KnownCosts, command: NotePasswordCosts) -> list[PasswordCostsNoted]:
    """Note those that are new."""
    new = tuple(each for each in dict.fromkeys(command.costs) if each not in known.costs)
    if len(known.costs) + len(new) > MOST_COSTS:
        raise TooManyPasswordCosts(f"There may be {MOST_COSTS}: import some without hashes.")
    return [PasswordCostsNoted(costs=new)] if new else []


def evolve(known: KnownCosts, event: PasswordCostsNoted) -> KnownCosts:
    """The costs after an event."""
    return KnownCosts(known.costs | set(event.costs))


PASSWORD_COSTS: Decider[KnownCosts, NotePasswordCosts, PasswordCostsNoted] = Decider(
    category="password-costs",
    events=PasswordCostsNoted,
    initial=KnownCosts(),
    decide=decide,
    evolve=evolve,
    system=True,
)

INSTALLATION = "installation"
"""The one stream of costs."""
