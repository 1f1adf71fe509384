"""Recorded contexts: some of those that flags are evaluated in, to try drafts on.

They hold personal data, so they never reach the log, are kept for a week at most, and can be
erased. They are a sample: in each interval the first hundred subjects, of all the latest thousand.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from application.event_store import Outage
from application.flags.flag_set import FlagSet

log = structlog.get_logger(__name__)

KEPT = 1000
"""Contexts of one environment, the latest ones; each subject has one."""
KEPT_FOR = 7 * 86_400
"""Seconds."""
AT_ONCE = 100
"""Contexts of one environment that one process samples in one interval."""
PLACES = 100
"""Environments of which one process samples in one interval."""
LARGEST = 4096
"""Bytes of JSON."""

_SUBJECTS = ("userId", "targetingKey", "sessionId")

Place = tuple[str, str]
"""A tenant and an environment."""


class Sampled(msgspec.Struct, frozen=True):
    """A context as JSON, whose it is, and when it was seen (in seconds since 1970)."""

    subject: str
    context: bytes
    at: float


class ContextStore(Protocol):
    """Contexts that all processes share, the latest `KEPT` of a place, for `KEPT_FOR` at most.

    All methods raise `Outage` when the store does not answer; contexts are then lost.
    """

    async def add(self, place: Place, sampled: Sequence[Sampled], now: float) -> float:
        """Keep these but for those from before an erasure, and tell when that was (0: never)."""
        ...

    async def read(self, place: Place, now: float) -> list[bytes]:
        """Contexts as JSON, the latest first."""
        ...

    async def erase(self, place: Place, now: float) -> None:
        """Forget all, and what others still bring from before."""
        ...


class RecordedContexts:
    """What one process samples, and all of them share."""

    def __init__(
        self, store: ContextStore, *, interval: float, now: Callable[[], float] = time.time
    ) -> None:
        """`run` shares what was sampled every `interval` seconds."""
        self._store = store
        self._interval = interval
        self._now = now
        self._fresh: dict[Place, dict[str, Sampled]] = {}
        self._own: dict[Place, OrderedDict[str, Sampled]] = {}

    def offer(self, flags: FlagSet, tenant: str, environment: str, raw: dict[str, Any]) -> None:
        """A context that flags were evaluated in just now; it may be kept."""
        fresh = self._fresh.get((tenant, environment))
        if fresh is None:
            if len(self._fresh) >= PLACES or not flags.is_set_up(environment):
                return
            fresh = self._fresh[tenant, environment] = {}
        if len(fresh) < AT_ONCE:
            self._sample(fresh, raw)

    def _sample(self, fresh: dict[str, Sampled], raw: dict[str, Any]) -> None:
        try:
            context = msgspec.json.encode(raw)
        except (UnicodeEncodeError, RecursionError):
            return
        if len(context) > LARGEST:
            return
        named = (raw.get(field) for field in _SUBJECTS)
        subject = next((each for each in named if each and isinstance(each, str)), None)
        key = f"a:{context.decode()}" if subject is None else f"s:{subject}"
        fresh[key] = Sampled(key, context, self._now())

    async def run(self) -> None:
        """Share what was sampled, until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.share()
            except Outage as outage:
                log.warning("contexts_not_shared", detail=outage.detail)

    async def share(self) -> None:
        """Bring to the store what was sampled, and learn of erasures.

        Raises:
            Outage: the store does not answer; this process keeps a sample of its own.
        """
        fresh, self._fresh = self._fresh, {}
        for place, sampled in fresh.items():
            own = self._own.setdefault(place, OrderedDict())
            for key, each in sampled.items():
                own[key] = each
                own.move_to_end(key)
            while len(own) > KEPT:
                own.popitem(last=False)
        now = self._now()
        for place, own in list(self._own.items()):
            erased = await self._store.add(place, list(fresh.get(place, {}).values()), now)
            since = max(erased, now - KEPT_FOR)
            for key in [key for key, each in own.items() if each.at <= since]:
                del own[key]
            if not own:
                del self._own[place]

    async def read(self, tenant: str, environment: str) -> list[dict[str, Any]]:
        """The contexts that are kept, the latest first; this process's own in an outage."""
        place, now = (tenant, environment), self._now()
        try:
            await self.share()
            found = await self._store.read(place, now)
        except Outage as outage:
            log.warning("contexts_not_read", detail=outage.detail)
            own = reversed(self._own.get(place, {}).values())
            found = [each.context for each in own if each.at > now - KEPT_FOR]
        return [msgspec.json.decode(each) for each in found]

    async def erase(self, tenant: str, environment: str) -> None:
        """Forget the contexts of an environment; other processes do within an interval.

        Raises:
            Outage: the store does not answer, and still has them.
        """
        place = (tenant, environment)
        self._fresh.pop(place, None)
        self._own.pop(place, None)
        await self._store.erase(place, self._now())
