"""The recorder of what a process counts, which records the last of it when it is closed."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from adapters.crypto.ids import new_id
from adapters.settings import Settings
from application.aggregates import Counting, Recorder
from application.pipeline import Pipeline


@asynccontextmanager
async def opened_recorder(
    counting: Sequence[Counting],
    pipeline: Pipeline,
    settings: Settings,
    clock: Callable[[], datetime],
) -> AsyncIterator[Recorder]:
    """Made; `run` is for whoever opens the platform."""
    recorder = Recorder(
        counting,
        pipeline,
        now=clock,
        new_id=new_id,
        interval=settings.flag_usage_interval.total_seconds(),
    )
    try:
        yield recorder
    finally:
        await recorder.aclose()
