"""Every flag of a tenant at once: what is evaluated, and what streams are told of."""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from application.states import Folded
from domain.flags.context import Context
from domain.flags.decider import FLAG
from domain.flags.evaluation import Evaluate, Evaluation, Parent, compile_flag
from domain.flags.segments import SEGMENT
from domain.flags.state import DEFAULT_ENVIRONMENT, Flag, Segment, Segments
from domain.recorded import Recorded

REMEMBERED = 1000
"""Changes of a tenant that whoever follows may be behind."""

KeptAnswers = dict[int, tuple[Evaluation, bytes]]
"""Evaluations by their identity, and what they were encoded as.

An evaluation is alive for as long as it is kept, so that no other one has its identity.
"""


class Change(msgspec.Struct, frozen=True):
    """A flag or a segment changed; `position` is that of the event in the log."""

    position: int
    category: str
    name: str


class FlagRows(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one tenant, as it was at a position of the log.

    `revision` is the position of the last event about any of it.
    """

    position: int
    incarnation: UUID
    revision: int
    flags: Mapping[str, Folded]
    segments: Mapping[str, Folded]


class FlagSet:
    """The flags and segments of one tenant. Names are unique within their kind.

    `revision` is the position of the newest event in it, and `position` how far in the log it is
    at least. A process learns what it has recorded itself before what others recorded earlier, so
    only `serial`, the number of changes since the set began, rises with each.
    """

    def __init__(self, rows: FlagRows, *, past: bool = False) -> None:
        """Begin with what the read model had; of a `past` set nothing is counted."""
        self.past = past
        self.incarnation = rows.incarnation
        self.position = rows.position
        self.revision = rows.revision
        self.serial = 0
        self._flags = dict(rows.flags)
        self._segments = dict(rows.segments)
        self._changes: deque[Change] = deque(maxlen=REMEMBERED)
        self._compiled: dict[str, dict[str, Evaluate]] = {}
        self._in_use: list[str] | None = None
        self._answers: dict[tuple[object, str], KeptAnswers] = {}
        self._refresh_segments()
        self.news = asyncio.Event()
        """Set, and replaced, with every change."""

    @property
    def flags(self) -> dict[str, Flag]:
        """The flags, archived ones too, by key."""
        return {key: folded.state for key, folded in self._flags.items()}

    @property
    def segments(self) -> Segments:
        """The segments that are there, by name."""
        return self._live

    def knows(self, key: str) -> bool:
        """Whether there is such a flag."""
        return key in self._flags

    def flag(self, key: str) -> Folded | None:
        """A flag and its version."""
        return self._flags.get(key)

    def environments_of(self, key: str) -> Collection[str]:
        """The environments in which anything was said about a flag."""
        folded = self._flags.get(key)
        return () if folded is None else folded.state.settings.keys()

    def keys(self) -> Iterable[str]:
        """The keys of all flags, archived ones too."""
        return self._flags.keys()

    def in_use(self) -> list[str]:
        """The keys of the flags that are not archived, in order."""
        if self._in_use is None:
            kept = self._flags.items()
            self._in_use = sorted(key for key, folded in kept if not folded.state.archived)
        return self._in_use

    def evaluate(self, key: str, environment: str, context: Context) -> Evaluation:
        """What a flag answers; never raises."""
        try:
            return self._compiled[environment][key](context)
        except KeyError:
            return self._compile(key, environment)(context)

    def evaluate_each(
        self, keys: Iterable[str], environment: str, context: Context
    ) -> list[Evaluation]:
        """What several flags answer, in their order; never raises."""
        compiled = self._compiled.get(environment, {})
        return [(compiled.get(key) or self._compile(key, environment))(context) for key in keys]

    def kept_answers(self, form: object, environment: str) -> KeptAnswers:
        """What callers keep of evaluations in a form of theirs, by identity, until the next change.

        Of an environment that no flag knows nothing is kept: callers name any they like.
        """
        if environment not in self._compiled:
            return {}
        return self._answers.setdefault((form, environment), {})

    def keeps(self, environment: str) -> bool:
        """Whether a flag that was evaluated there has a setting in it: then answers are kept."""
        return environment in self._compiled

    def is_set_up(self, environment: str) -> bool:
        """Whether it is the default one, or one that answers are kept of."""
        return environment == DEFAULT_ENVIRONMENT or self.keeps(environment)

    def changes_after(self, serial: int) -> list[Change] | None:
        """The changes behind the first so many; None when that is no longer known."""
        forgotten = self.serial - len(self._changes)
        if serial < forgotten:
            return None
        return list(islice(self._changes, serial - forgotten, None))

    def apply(self, recorded: Recorded[Any]) -> None:
        """An event of this tenant's flags or segments; one that is known changes nothing."""
        category, _, name = recorded.stream.partition("/")
        decider: Any = FLAG if category == FLAG.category else SEGMENT
        kept = self._kept(category).get(name)
        if kept is not None and kept.version >= recorded.version:
            return
        state = decider.evolve(decider.initial if kept is None else kept.state, recorded.event)
        self.learn(category, name, Folded(recorded.version, state), recorded.position)

    def learn(self, category: str, name: str, folded: Folded, position: int) -> None:
        """Take over a newer state of a flag or a segment."""
        known = self._kept(category).get(name)
        if known is not None and known.version >= folded.version:
            return
        self._kept(category)[name] = folded
        if category == FLAG.category:
            self._in_use = None
            for compiled in self._compiled.values():
                compiled.pop(name, None)
        else:
            self._refresh_segments()
        self._remember(Change(position, category, name))

    def _kept(self, category: str) -> dict[str, Folded]:
        return self._flags if category == FLAG.category else self._segments

    def _refresh_segments(self) -> None:
        self._live: Segments = {
            name: folded.state
            for name, folded in self._segments.items()
            if isinstance(folded.state, Segment) and not folded.state.archived
        }
        self._compiled.clear()

    def _remember(self, change: Change) -> None:
        self._answers.clear()
        self._changes.append(change)
        self.serial += 1
        self.revision = max(self.revision, change.position)
        news, self.news = self.news, asyncio.Event()
        news.set()

    def parents(self, environment: str) -> Parent:
        """How prerequisites are evaluated: each once in a context, by however many ways it is met.

        Without that, flags of which each needs two others take twice as long with every step.
        """

        def parent(key: str, context: Context) -> Evaluation:
            found = context.parents.get((self, environment, key))
            return found or self._evaluate_ancestors(key, environment, context)

        return parent

    def _evaluate_ancestors(self, key: str, environment: str, context: Context) -> Evaluation:
        """A parent, behind those that it has itself: a chain may be longer than calls nest."""
        kept = context.parents
        waiting, entered = [key], set[str]()
        while waiting:
            last = waiting[-1]
            names = () if last in entered else self._prerequisites_of(last)
            missing = [name for name in names if (self, environment, name) not in kept]
            if missing:
                entered.add(last)
                waiting += missing
                continue
            waiting.pop()
            if (self, environment, last) not in kept:
                kept[self, environment, last] = self.evaluate(last, environment, context)
        return kept[self, environment, key]  # type: ignore[no-any-return]

    def _prerequisites_of(self, key: str) -> Iterable[str]:
        folded = self._flags.get(key)
        return [] if folded is None else [each.flag for each in folded.state.about.prerequisites]

    def _compile(self, key: str, environment: str) -> Evaluate:
        folded = self._flags.get(key)
        state = FLAG.initial if folded is None else folded.state
        evaluate = compile_flag(key, state, environment, self._live, self.parents(environment))
        if folded is not None and (
            environment in self._compiled or environment in folded.state.settings
        ):  # of environments that nobody has set up nothing is kept: callers name any they like
            self._compiled.setdefault(environment, {})[key] = evaluate
        return evaluate
