"""Whether Redis can be used at all, for whoever starts the platform."""

import redis.asyncio
import redis.exceptions

from adapters.settings import Settings
from adapters.startup import CannotStart, place_of

_PATIENCE = 5.0  # seconds


async def check_redis(settings: Settings) -> None:
    """Make sure that Redis answers.

    Raises:
        CannotStart: when it does not.
    """
    client = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=None
    )
    try:
        await client.ping()
    except (redis.exceptions.RedisError, OSError) as error:
        place = place_of(settings.redis_url)
        raise CannotStart(f"Redis at {place} cannot be used: {type(error).__name__}") from None
    finally:
        await client.aclose()
