"""Exposures that follow from evaluations: each subject once, gathered and recorded now and then."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from application.aggregates import Batch
from application.experiments.running import Running
from application.flags.usage import parts
from domain.experiments.observations import OBSERVATIONS, ExperimentExposed, Exposure, Observe
from domain.flags.context import Context, InvalidContext
from domain.flags.evaluation import Evaluation

log = structlog.get_logger(__name__)

FULL = 20_000
"""Exposures after which they are recorded, however long it has been."""
MOST = 200_000
"""Exposures that wait at most; while the log is away for so long, others are lost."""
REMEMBERED = 50_000
"""Exposures that are known at least: who is exposed again then is not told again."""

_EVENT = 100_000  # bytes of JSON in one event, about

Known = tuple[str, str, int, str]
"""A subject, its variant, the run, and the tenant."""


class Exposures:
    """All exposures of a process. Implements `application.aggregates.Counting`."""

    def __init__(
        self,
        subject_hash: Callable[[str, str, str], str],
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        """Nobody is exposed; `subject_hash` takes tenant, experiment and subject."""
        self._hash = subject_hash
        self._now = now
        self._new_id = new_id
        self._known: set[Known] = set()
        self._known_before: set[Known] = set()
        self._waiting: dict[tuple[str, str, int], list[Exposure]] = {}
        self._count = 0

    def see(
        self, tenant: str, running: Iterable[Running], context: Context, found: Evaluation
    ) -> None:
        """A context was answered this by a flag that experiments run on; never raises.

        Whom no `targetingKey` or `userId` names is nobody's subject.
        """
        try:
            subject = context.fields["targetingKey"]
        except InvalidContext:
            return
        if not subject or found.error is not None:
            return
        served = found.variant
        variant = served.name if served is not None else "enabled" if found.enabled else "disabled"
        for each in running:
            if variant in each.variants:
                self._expose(tenant, each, subject, variant)

    def _expose(self, tenant: str, running: Running, subject: str, variant: str) -> None:
        hashed = self._hash(tenant, running.experiment, subject)
        known = (hashed, variant, running.run, tenant)
        if known in self._known or known in self._known_before:
            return
        if self._count >= MOST:
            log.warning("exposure_lost", experiment=running.experiment)
            return
        if len(self._known) >= REMEMBERED:
            self._known, self._known_before = set(), self._known
        self._known.add(known)
        self._count += 1
        place = (tenant, running.experiment, running.run)
        exposure = Exposure(subject=hashed, variant=variant, at=self._now())
        self._waiting.setdefault(place, []).append(exposure)

    @property
    def full(self) -> bool:
        """See `Counting`."""
        return self._count >= FULL

    def take(self, at: datetime) -> Sequence[Batch]:
        """See `Counting`."""
        waiting, self._waiting, self._count = self._waiting, {}, 0
        return [
            Batch(
                id=self._new_id(),
                tenant=tenant,
                decider=OBSERVATIONS,
                command=Observe(
                    events=(ExperimentExposed(experiment=key, run=run, exposures=part),), at=at
                ),
                rows=len(part),
            )
            for (tenant, key, run), exposures in waiting.items()
            for part in parts(exposures, _EVENT)
        ]
