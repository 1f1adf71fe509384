"""From the answer to a command until a query sees what it has changed.

On the real processes: `annals projector` feeds every read model, and this process plays the API,
which hears of their progress over Redis. One client defines a flag and waits for the read model of
flags, again and again.
"""

import time

import msgspec

import projections.flags
from adapters.bootstrap import open_platform
from adapters.platform import Platform
from application.flags.changes import EditFlag
from benchmarks.jobs import context
from benchmarks.load import Figure, figure, middle
from benchmarks.servers import Installation, running
from benchmarks.snapshots import held_snapshot
from domain.flags.edits import Describe, Enable
from domain.flags.state import About

SAMPLES = 500


class Visible(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds, without and with an old snapshot."""

    plain: Figure
    snapshot: Figure


async def measure(installation: Installation, *, rounds: int = 3) -> Visible:
    plain, snapshot = [], []
    with running("adapters.cli", "projector", env=installation.env):
        async with open_platform(installation.settings) as platform:
            platform.follow_log()
            platform.background.start("read models", platform.read_models.run())
            await _seen(platform, "warm-up", 100)
            for turn in range(rounds):
                plain.append(await _seen(platform, f"plain-{turn}", SAMPLES))
                async with held_snapshot(installation.database_url):
                    snapshot.append(await _seen(platform, f"snapshot-{turn}", SAMPLES))
    return Visible(plain=middle(plain), snapshot=middle(snapshot))


async def _seen(platform: Platform, name: str, samples: int) -> Figure:
    taken = []
    began = time.perf_counter()
    for nth in range(samples):
        edits = (Describe(about=About(group="")), Enable(environment="default"))
        command = EditFlag(flag=f"{name}-{nth}", edits=edits, at=platform.now())
        done = await platform.bus.execute(command, context())
        answered = time.perf_counter()
        await platform.read_models.consistent(
            projections.flags.PROJECTION, done.position, patience=30.0
        )
        taken.append(time.perf_counter() - answered)
    return figure(taken, time.perf_counter() - began)
