"""How jobs are wired."""

import adapters.http.jobs
import projections.jobs
from adapters.capability import Capability, Handlers
from application.bus import OneStream
from application.jobs import REACTION, RUN_JOB, RunJob
from domain.jobs import JOB, CancelJob, RequeueJob


def job_handlers() -> Handlers:
    """What is decided about a job from outside; needs no port."""
    handler = OneStream(JOB, lambda command: command.job)
    return {RequeueJob: handler, CancelJob: handler}


CAPABILITY = Capability(
    name="jobs",
    deciders=(JOB,),
    handlers=lambda _: job_handlers(),
    projections=(projections.jobs.PROJECTION,),
    reactions=(REACTION,),
    effects=lambda services: {RUN_JOB: RunJob(services.executor, services.now)},
    operations=adapters.http.jobs.OPERATIONS,
)
