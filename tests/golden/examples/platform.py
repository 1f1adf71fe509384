"""Events of actions, jobs, limits, the cache, schemas, logs and projections, one of each type."""

from domain.actions import ActionDefined, HttpTarget
from domain.cache import CacheInvalidated
from domain.decider import Event
from domain.jobs import (
    JobAttemptFailed,
    JobCancelled,
    JobDied,
    JobQueued,
    JobRequeued,
    JobStarted,
    JobSucceeded,
)
from domain.limits import LimitDefined
from domain.logs import LogRead, LogSourceChanged, LogSourceRegistered, LogSourceRemoved
from domain.projections import (
    ProjectionPaused,
    ProjectionResumed,
    ProjectionRetried,
    ProjectionSkipped,
)
from domain.retries import RetryPolicy
from domain.schemas import SchemaCompatibilitySet, SchemaPublished
from tests.golden.examples.moment import AT

EVENTS: list[Event] = [
    LimitDefined(algorithm="token_bucket", limit=10, window=60.0, scope="account"),
    CacheInvalidated(tags=("price:7", "shop")),
    ActionDefined(
        flag="beta",
        limit=None,
        input_schema={"type": "object"},
        executor=HttpTarget(url="https://example.org/", method="POST", timeout=5.0),
        headers={"x-token": "t"},
        retry=RetryPolicy(max_attempts=5, base=0.2, cap=30.0),
        schema="mail",
    ),
    JobQueued(action="mail", requester="a1", input={"to": "ada"}),
    JobStarted(attempt=1),
    JobAttemptFailed(
        attempt=1, requester="a1", error="timeout", status=504, response="no", retry_at=AT
    ),
    JobSucceeded(attempt=2, requester="a1", status=200, response="yes"),
    JobDied(attempt=2, reason="out_of_attempts"),
    JobRequeued(round=2),
    JobCancelled(),
    ProjectionPaused(reason="r"),
    ProjectionResumed(reason="r"),
    ProjectionRetried(position=9, reason="r"),
    ProjectionSkipped(version=1, position=9, reason="r"),
    SchemaPublished(number=1, document='{"maximum":1e400}', compatibility="full"),
    SchemaCompatibilitySet(compatibility="none"),
    LogSourceRegistered(
        paths=("/var/log/app/*.log",),
        format=None,
        time_zone="UTC",
        slack=60.0,
        description="app",
    ),
    LogSourceChanged(
        paths=("/var/log/app.log",),
        format="json",
        time_zone="Europe/Berlin",
        slack=0.5,
        description="",
    ),
    LogSourceRemoved(),
    LogRead(
        source="app", reader="account/a1", way="lines", minute=AT.replace(second=0, microsecond=0)
    ),
]
