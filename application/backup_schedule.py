"""When the schedule wants a backup, and what that version is called.

The name is made of the moment that the schedule names, so two schedulers that see the same moment
ask for the same version, and the second is refused. Moments that were missed while nobody kept
time are made up for by one backup.
"""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from domain.backup_policy import Schedule
from domain.schedules import next_after

_A_DAY = timedelta(days=1)
_VERSION = 7 << 76
_VARIANT = 2 << 62
_RANDOM = (1 << 76) - 1


def last_due(schedule: Schedule, since: datetime, now: datetime) -> datetime | None:
    """The last moment up to now that the schedule names, if one behind `since` has come."""
    found = None
    for start in (max(since, now - _A_DAY), since):  # a schedule of every minute, a long pause
        moment = _next(schedule, start)
        while moment is not None and moment <= now:
            found, moment = moment, _next(schedule, moment)
        if found is not None:
            return found
    return None


def _next(schedule: Schedule, after: datetime) -> datetime | None:
    try:
        return next_after(schedule.cron, schedule.time_zone, after)
    except OverflowError:
        return None


def version_at(moment: datetime, log: UUID) -> str:
    """The version that belongs to a moment of one log's schedule: always the same UUIDv7."""
    milliseconds = round(moment.timestamp() * 1000)
    seed = f"{log}\x1f{milliseconds}".encode()
    chance = int.from_bytes(hashlib.sha256(seed).digest()[:10], "big") & _RANDOM
    high = chance >> 64 << 64  # twelve bits beside the version
    low = chance & ((1 << 62) - 1)
    return str(UUID(int=milliseconds << 80 | _VERSION | high | _VARIANT | low))
