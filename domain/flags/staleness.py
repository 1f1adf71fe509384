"""Staleness: when a flag has probably served its purpose, and should be looked at.

Each purpose has a lifetime, as in Unleash, which a flag may override; kill switches and permissions
have none. Who marks a flag as stale, or archives it, has looked.
"""

from datetime import datetime, timedelta

from domain.flags.state import LIFETIMES, About, Flag


def lifetime_of(about: About) -> timedelta | None:
    """How long the flag is meant to be needed; None: for ever."""
    days = LIFETIMES[about.purpose] if about.lifetime is None else about.lifetime
    return None if days is None else timedelta(days=days)


def potentially_stale(flag: Flag, created_at: datetime, now: datetime) -> bool:
    """Whether a flag in use has outlived its lifetime, and nobody has marked it."""
    lifetime = lifetime_of(flag.about)
    if flag.stale or flag.archived or lifetime is None:
        return False
    return now - created_at >= lifetime
