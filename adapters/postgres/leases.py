"""Leases of effects that take long, noted beside their claims, which are never changed.

A row here only makes others wait: what decides whose outcome counts is the claim and its attempt.
"""

from datetime import datetime

from adapters.postgres.connect import Pool, open_pool, outages
from application.event_store import EffectId

_RENEW = """
    INSERT INTO annals.leases (name, holder, until) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET until = greatest(leases.until, excluded.until)
"""
_RELEASE = """
    DELETE FROM annals.leases WHERE name = $1
        OR (name LIKE 'effect/%' AND until < clock_timestamp() - interval '1 day')
"""
_HOLDER = "an attempt"
_PATIENCE = 3.0  # seconds


class PostgresLeases:
    """`EffectLeases` over `annals.leases`."""

    def __init__(self, pool: Pool) -> None:
        """`pool` acts as annals_projector; see `open`."""
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> "PostgresLeases":
        """Make ready; nothing connects yet."""
        pool = await open_pool(
            url, role="annals_projector", min_size=0, max_size=1, name="annals leases"
        )
        return cls(pool)

    async def aclose(self) -> None:
        """Let go of the connection."""
        self._pool.terminate()

    async def renew(self, effect: EffectId, attempt: int, until: datetime) -> None:
        """See `EffectLeases.renew`."""
        await self.note(lease_name(effect, attempt), until)

    async def release(self, effect: EffectId, attempt: int) -> None:
        """See `EffectLeases.release`."""
        await self.forget(lease_name(effect, attempt))

    async def note(self, name: str, until: datetime) -> None:
        """Note a lease of any name. Raises `Outage`."""
        async with outages():
            await self._pool.execute(_RENEW, name, _HOLDER, until, timeout=_PATIENCE)

    async def forget(self, name: str) -> None:
        """Forget a lease of any name. Raises `Outage`."""
        async with outages():
            await self._pool.execute(_RELEASE, name, timeout=_PATIENCE)


def lease_name(effect: EffectId, attempt: int) -> str:
    """What an attempt's lease is called."""
    return f"effect/{effect.reaction}/{effect.position}/{attempt}"
