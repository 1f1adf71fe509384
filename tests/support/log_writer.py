"""A process that appends to shared streams and prints what became of it; see the race tests."""

import asyncio
import json
import random
import sys

from adapters.postgres.appender import Limits
from adapters.postgres.event_store import PostgresEventStore, opened
from application.event_store import Append, Outage, Stored, VersionMismatch
from domain.rejections import Invalid
from tests.support.log_items import TENANT, event, key, write

POISON = "poison.taken"
PATIENT = Limits(one_try=60, settle=120, queue_age=120)
"""For a machine that is busy with other things: nobody hears "unknown" in this race."""

Told = list[tuple[int, str]]
"""(position, event id) of everything that the log said was recorded."""


async def contend(
    store: PostgresEventStore, name: str, streams: int, appends: int, seed: int
) -> tuple[Told, list[str]]:
    """Append to streams that others append to as well; gives what was told, and refused ids."""
    choose = random.Random(seed)
    told: Told = []
    refused: list[str] = []
    done = 0
    while done < appends:
        stream = f"hot/{choose.randrange(streams)}"
        [version] = await store.versions([(TENANT, stream)])
        writes = [write(stream, version, count=choose.choice((1, 1, 3)))]
        if choose.random() < 0.3:
            writes.append(write(f"own/{name}-{done}"))
        poisoned = choose.random() < 0.05
        if poisoned:
            own = write(f"poison/{name}-{done}")
            writes.append(
                type(own)(
                    tenant=TENANT, stream=own.stream, expected=0, events=(event(type_=POISON),)
                )
            )
        ids = [str(each.id) for one in writes for each in one.events]
        item = Append(
            writes=tuple(writes),
            key=key(f"{name}-{done}") if choose.random() < 0.3 else None,
        )
        try:
            outcome = await store.append(item)
        except Outage as error:
            if error.outcome == "unknown":
                raise
            outcome = None
        except Invalid:
            if not poisoned:
                raise
            outcome = None
        if isinstance(outcome, Stored):
            assert not poisoned
            assert outcome.last - outcome.first + 1 == len(ids)
            told += zip(range(outcome.first, outcome.last + 1), ids, strict=True)
            done += 1
        else:
            assert outcome is None or isinstance(outcome, VersionMismatch)
            refused += ids
            done += outcome is None
    return told, refused


async def main(url: str, name: str, streams: int, clients: int, appends: int) -> None:
    """Let some clients of one store contend, and print what they were told as JSON."""
    async with opened(url, limits=PATIENT) as store:
        results = await asyncio.gather(
            *(contend(store, f"{name}-{n}", streams, appends, n) for n in range(clients))
        )
    json.dump([told for told, _ in results], sys.stdout)


if __name__ == "__main__":
    url_, name_, *numbers = sys.argv[1:]
    asyncio.run(main(url_, name_, *(int(each) for each in numbers)))
