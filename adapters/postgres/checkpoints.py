"""How far every follower of the log is, and who works on it.

Checkpoints are inserted, never updated. A step is only inserted behind the newest one, and two
that start from the same place collide on `previous`: this is the fence, and what a process that
lost its lease wants to write goes down with its step.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from adapters.postgres.connect import Acquired

LEASE = timedelta(seconds=4)
"""How long a silent process keeps its work to itself."""

KEPT = timedelta(minutes=1)
"""How long passed checkpoints stay, so that a step which stalled in the server meets the fence."""


class Mark(msgspec.Struct, frozen=True):
    """The name of one checkpoint."""

    name: str
    generation: int

    @property
    def lease(self) -> str:
        """The name of its lease."""
        return f"follower/{self.name}@{self.generation}"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A follower moves on from `previous` to `position`."""

    mark: Mark
    previous: int
    position: int


_NEWEST = """
    SELECT c.position FROM annals.checkpoints AS c
    WHERE c.log_id = $1 AND c.projection = {name} AND c.generation = {generation}
    ORDER BY c.previous DESC LIMIT 1
"""
_ADVANCE = f"""
    INSERT INTO annals.checkpoints (log_id, projection, generation, position, previous)
    SELECT $1, $2, $3, $4, $5
    WHERE coalesce(({_NEWEST.format(name="$2", generation="$3")}), 0) = $5
    ON CONFLICT DO NOTHING
"""
_ADVANCE_MANY = f"""
    INSERT INTO annals.checkpoints (log_id, projection, generation, position, previous)
    SELECT $1, s.name, s.generation, s.position, s.previous
    FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[])
        AS s (name, generation, position, previous)
    WHERE coalesce(({_NEWEST.format(name="s.name", generation="s.generation")}), 0) = s.previous
    ORDER BY s.name, s.generation
    ON CONFLICT DO NOTHING
    RETURNING projection, generation
"""  # noqa: S608 - constants
_READ = f"""
    SELECT s.name, s.generation,
        coalesce(({_NEWEST.format(name="s.name", generation="s.generation")}), 0)
    FROM unnest($2::text[], $3::int[]) AS s (name, generation)
"""  # noqa: S608 - constants
_PRUNE = f"""
    WITH gone AS (
        DELETE FROM annals.checkpoints AS old
        USING unnest($2::text[], $3::int[], $4::bigint[]) AS s (name, generation, since)
        WHERE old.log_id = $1 AND old.projection = s.name AND old.generation = s.generation
            AND old.previous >= s.since
            AND old.created_at < clock_timestamp() - $5::interval
            AND old.position < ({_NEWEST.format(name="s.name", generation="s.generation")})
        RETURNING old.projection, old.generation, old.position
    )
    SELECT projection, generation, max(position) FROM gone GROUP BY projection, generation
"""  # noqa: S608 - constants
_LEASE = """
    INSERT INTO annals.leases AS l (name, holder, until)
    SELECT name, $2, clock_timestamp() + $3 FROM unnest($1::text[]) AS name ORDER BY name
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
        WHERE l.holder = excluded.holder OR l.until < clock_timestamp()
    RETURNING l.name
"""
_RELEASE = "DELETE FROM annals.leases WHERE name = ANY ($1::text[]) AND holder = $2"


async def advance(connection: Acquired, log_id: int, step: Step) -> bool:
    """Take a step within the open transaction; False when somebody else has moved on."""
    status = await connection.execute(
        _ADVANCE, log_id, step.mark.name, step.mark.generation, step.position, step.previous
    )
    return status.endswith(" 1")


async def advance_many(connection: Acquired, log_id: int, steps: Sequence[Step]) -> set[Mark]:
    """Take several steps that have nothing to write; gives those that were taken."""
    rows = await connection.fetch(
        _ADVANCE_MANY,
        log_id,
        [each.mark.name for each in steps],
        [each.mark.generation for each in steps],
        [each.position for each in steps],
        [each.previous for each in steps],
    )
    return {Mark(name, generation) for name, generation in rows}


async def read(connection: Acquired, log_id: int, marks: Sequence[Mark]) -> Mapping[Mark, int]:
    """Where each follower is; 0 where it has not begun."""
    rows = await connection.fetch(_READ, log_id, *_columns(marks))
    return {Mark(name, generation): position for name, generation, position in rows}


async def prune(connection: Acquired, log_id: int, since: Mapping[Mark, int]) -> dict[Mark, int]:
    """Remove the checkpoints behind the newest; gives from where to look the next time.

    Looking only from there keeps this cheap while an old snapshot holds on to what was removed.
    """
    marks = list(since)
    rows = await connection.fetch(_PRUNE, log_id, *_columns(marks), list(since.values()), KEPT)
    return {**since, **{Mark(name, generation): last for name, generation, last in rows}}


async def lease(connection: Acquired, holder: str, marks: Sequence[Mark]) -> set[Mark]:
    """Take or renew the right to work on these; gives those that this holder has now."""
    names = {each.lease: each for each in marks}
    rows = await connection.fetch(_LEASE, list(names), holder, LEASE)
    return {names[row[0]] for row in rows}


async def release(connection: Acquired, holder: str, marks: Sequence[Mark]) -> None:
    """Let others take over at once."""
    await connection.execute(_RELEASE, [each.lease for each in marks], holder)


def _columns(marks: Sequence[Mark]) -> tuple[list[str], list[int]]:
    return [each.name for each in marks], [each.generation for each in marks]
