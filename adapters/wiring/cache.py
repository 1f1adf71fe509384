"""How the cache is wired."""

import adapters.http.cache
from adapters.capability import Capability
from adapters.open_cache import sweep
from application.cache_invalidations import InvalidateCacheHandler
from domain.cache import CACHE, InvalidateCache

CAPABILITY = Capability(
    name="cache",
    deciders=(CACHE,),
    handlers=lambda services: {InvalidateCache: InvalidateCacheHandler(services.cache)},
    operations=adapters.http.cache.OPERATIONS,
    chores={"cache-sweep": sweep},
)
