"""Answers that tell nothing by when they come, nor by where the log ends.

Whether an address has an account decides how much there is to record, and so how long that takes.
So where nobody may be told, an answer leaves at a whole multiple of half a second after its request
came, and bears no position.
"""

import asyncio
from collections.abc import Awaitable

from adapters.http.answers import Answer

QUANTUM = 0.5
"""Seconds; many times what any address costs (a hash, some 60 ms, and two look-ups).

So the few milliseconds by which addresses differ do not fall to both sides of a multiple as soon as
the machine is busy.
"""


async def evenly(work: Awaitable[Answer]) -> Answer:
    """The answer, at its time.

    Raises:
        Exception: what the work raises, at that time too.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        answer = await work
    finally:
        await asyncio.sleep(QUANTUM - (loop.time() - began) % QUANTUM)
    return without_position(answer)


def without_position(answer: Answer) -> Answer:
    """The same answer, which does not tell where the log ends."""
    headers = tuple(each for each in answer.headers if each[0] != b"annals-position")
    return Answer(
        answer.status,
        answer.body,
        headers,
        media_type=answer.media_type,
        caching=answer.caching,
    )
