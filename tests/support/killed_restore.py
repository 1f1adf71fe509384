"""A process that carries a restore out and kills itself, -9, where a step of it begins."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from adapters.backups.begun import Begun
from adapters.backups.fill import Tells
from adapters.postgres.streams import PostgresStreams
from tests.support.restores import Plant, opened

SWITCHED = "switched"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Tells):
    """Kills where this step begins."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._deadly = step

    def begin(self, step: str) -> None:
        super().begin(step)
        if step == self._deadly:
            die()


async def main(url: str, directory: str, restore: str, step: str) -> None:
    plant = Plant.at(url, Path(directory))
    async with opened(url) as log:
        asked = await Begun(log.store, log.codec, PostgresStreams(log.readers)).find(restore)
        assert asked is not None
        await plant.restorer()(asked, Deadly(step))
        die()  # the switch was made, and nothing has come of it yet


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
