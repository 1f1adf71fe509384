"""The flags that a process evaluates: where their sets begin, and what contexts are made with."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.crypto.fields import ByteCipher
from adapters.crypto.master import MasterKey
from adapters.redis.client import RedisClient
from adapters.redis.context_store import RedisContextStore
from adapters.settings import Settings
from application.flags.flag_set import FlagRows
from application.flags.recorded_contexts import RecordedContexts
from domain.flags.context import Context, make_context
from projections.flags import PROJECTION, load_everything
from projections.reading import ReadModels


@dataclass(frozen=True)
class ReadFlags:
    """Implements `application.flags.flag_sets.KnownFlags`."""

    read_models: ReadModels

    async def load(self, tenant: str) -> FlagRows:
        """See `KnownFlags`."""
        async with self.read_models.rows(PROJECTION, tenant) as rows:
            return await load_everything(rows)


@dataclass(frozen=True)
class Contexts:
    """Implements `application.flags.MakesContext`."""

    now: Callable[[], datetime]

    def __call__(
        self, raw: dict[str, Any], environment: str, at: datetime | None = None
    ) -> Context:
        """See `MakesContext`."""
        if "environment" not in raw:
            raw = {**raw, "environment": environment}
        chance = f"{random.getrandbits(64):x}"
        return make_context(raw, at=at or self.now(), seed=chance)


def recorded_contexts(
    redis: RedisClient, master: MasterKey, settings: Settings
) -> RecordedContexts:
    """The contexts that this process samples, shared through Redis under a key of their own."""
    cipher = ByteCipher(master.derive("recorded contexts"))
    store = RedisContextStore(redis, master.subject_hash(), cipher)
    return RecordedContexts(store, interval=settings.flag_usage_interval.total_seconds())
