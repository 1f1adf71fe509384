"""Which tenants a log has events of."""

from adapters.postgres.connect import Pool, outages

# Tenants by hops through the index: each costs one look-up, however long the log is.
_TENANTS = """
    WITH RECURSIVE tenants AS (
        (SELECT tenant FROM annals.events WHERE log_id = $1 ORDER BY tenant LIMIT 1)
        UNION ALL
        SELECT (
            SELECT e.tenant FROM annals.events AS e
            WHERE e.log_id = $1 AND e.tenant > t.tenant ORDER BY e.tenant LIMIT 1
        ) FROM tenants AS t WHERE t.tenant IS NOT NULL
    )
    SELECT tenant FROM tenants WHERE tenant IS NOT NULL
"""


async def tenants_of(readers: Pool, log_id: int = 1) -> list[str]:
    """Their names, in order.

    Raises:
        Outage: when the database does not answer.
    """
    async with outages(), readers.acquire(timeout=5.0) as connection:
        return [row[0] for row in await connection.fetch(_TENANTS, log_id)]
