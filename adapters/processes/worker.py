"""The worker: carries effects out."""

from adapters.bootstrap import open_platform
from adapters.capabilities import effects
from adapters.dramatiq.worker import DramatiqWorker
from adapters.processes.effects import opened_broker, opened_leases, opened_register
from adapters.processes.life import settle_garbage, signals, until_stopped
from adapters.settings import Settings
from adapters.telemetry.effect_log import EffectLog
from adapters.telemetry.logging import log_file
from application.effect_runner import EffectRunner
from application.effects import Ended

DRAIN = 6.0
"""Seconds that attempts under way have to finish when the process stops."""


async def run(settings: Settings) -> None:
    """Work until told to stop, then let what runs finish.

    Raises:
        Broken: when it should be started anew.
    """
    async with (
        signals() as stop,
        open_platform(settings) as platform,
        opened_register(platform) as register,
        opened_leases(platform) as leases,
    ):
        lines = EffectLog(settings.log_level, file=log_file())

        def watch(ended: Ended) -> None:
            platform.metrics.effects.labels(ended.kind, ended.outcome).inc()
            lines.add(ended)

        with opened_broker(platform) as (broker, sender):
            runner = EffectRunner(
                platform.pipeline,
                register,
                sender,
                effects(platform.services),
                leases=leases,
                now=platform.now,
                watch=watch,
            )
            platform.follow_log()
            worker = DramatiqWorker(broker, runner, threads=settings.worker_threads)
            settle_garbage()
            worker.start()
            try:
                await until_stopped(stop, platform.background, settings.alive_file)
            finally:
                await worker.drain(DRAIN)
