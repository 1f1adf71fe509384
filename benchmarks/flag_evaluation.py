"""Flags evaluated in process, beside UnleashClient's own evaluation of the same flags.

Both answer for the same users in short turns that follow each other, so that whatever else the
machine does hits both. UnleashClient has its flags from a bootstrap and never speaks to a server;
what it is handed is the context as a dictionary, so ours is made from one, too. Our evaluation
alone, with the context made before, is what each further flag costs.

The flags' memory is that of a process of its own, before and after they are there and compiled.
"""

import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import psutil
from UnleashClient import UnleashClient
from UnleashClient.cache import FileCache

from benchmarks.report import Row, Section
from domain.flags.conditions import AllOf, Constraint, InSegment
from domain.flags.context import Context, make_context
from domain.flags.evaluation import Evaluate, Evaluation, compile_flag
from domain.flags.outcomes import NOT_FOUND
from domain.flags.rules import Rule, Setting
from domain.flags.state import About, Flag, Segment
from domain.flags.unleash import write_unleash
from domain.flags.variants import Variant

ENVIRONMENT = "production"
FLAGS = 10_000
TURNS = 31
USERS = 500  # in a turn
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEGABYTE = 1024 * 1024


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds for the flag with three rules, milliseconds for all flags, and megabytes."""

    alone: float
    fresh: float
    theirs: float
    ratio: float
    bulk: float
    their_bulk: float
    bulk_ratio: float
    megabytes: float


def measure() -> Evaluated:
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as directory:
        client = _client(Path(directory), {"three": three_rules(), **many_flags()})
        alone, fresh, theirs = _single(client)
        bulk, their_bulk = _bulk(client)
    return Evaluated(
        alone=median(alone) * 1e6,
        fresh=median(fresh) * 1e6,
        theirs=median(theirs) * 1e6,
        ratio=_ratio(fresh, theirs),
        bulk=median(bulk) * 1e3,
        their_bulk=median(their_bulk) * 1e3,
        bulk_ratio=_ratio(bulk, their_bulk),
        megabytes=_megabytes(),
    )


def three_rules() -> Flag:
    """A flag as people have them: constraints of several kinds, each before a rollout."""
    rules = (
        Rule(
            id="neighbours",
            condition=AllOf(
                of=(
                    Constraint(field="country", operator="IN", values=("de", "at", "ch")),
                    Constraint(field="plan", operator="STR_STARTS_WITH", values=("pro",)),
                )
            ),
            strategy="flexibleRollout",
            parameters={"rollout": "10", "stickiness": "default", "groupId": "three"},
        ),
        Rule(
            id="grown-ups",
            condition=Constraint(field="age", operator="NUM_GTE", values=("18",)),
            strategy="flexibleRollout",
            parameters={"rollout": "25", "stickiness": "userId", "groupId": "three"},
        ),
        Rule(
            id="newest",
            condition=Constraint(field="version", operator="SEMVER_GT", values=("1.2.0",)),
            strategy="flexibleRollout",
            parameters={"rollout": "50", "stickiness": "userId", "groupId": "three"},
        ),
    )
    return _flag("three", Setting(enabled=True, rules=rules))


def many_flags() -> dict[str, Flag]:
    """So many flags of simple shapes, one after the other."""
    return {f"flag-{number}": shape(number) for number, shape in islice(_shapes(), FLAGS)}


SEGMENTS = {
    "europe": Segment(
        condition=Constraint(
            field="country", operator="IN", values=(*(f"{n:02}" for n in range(30)), "de")
        )
    )
}


def _flag(key: str, setting: Setting) -> Flag:
    return Flag(about=About(group=key), settings={ENVIRONMENT: setting})


def _shapes() -> Any:
    def ruled(number: int, **rule: Any) -> Flag:
        return _flag(f"flag-{number}", Setting(enabled=True, rules=(Rule(id="only", **rule),)))

    def rollout(number: int) -> dict[str, str]:
        return {"rollout": str(number % 101), "stickiness": "userId", "groupId": f"flag-{number}"}

    plan = Constraint(field="plan", operator="STR_CONTAINS", values=("pro", "team"))
    age = Constraint(field="age", operator="NUM_LT", values=("40",))
    pair = (Variant(name="a", weight=500), Variant(name="b", weight=500))
    shapes: list[Callable[[int], Flag]] = [
        lambda number: _flag(f"flag-{number}", Setting(enabled=True)),
        lambda number: _flag(f"flag-{number}", Setting(enabled=False)),
        lambda number: ruled(number, strategy="flexibleRollout", parameters=rollout(number)),
        lambda number: ruled(number, condition=plan),
        lambda number: ruled(
            number, condition=age, strategy="flexibleRollout", parameters=rollout(number)
        ),
        lambda number: _flag(f"flag-{number}", Setting(enabled=True, variants=pair)),
        lambda number: ruled(number, condition=InSegment(segment="europe"), variants=pair),
        lambda number: ruled(
            number, strategy="userWithId", parameters={"userIds": f"1, 2, {number}"}
        ),
    ]
    return enumerate(cycle(shapes))


def user(number: int) -> dict[str, Any]:
    """A user of the benchmark."""
    return {
        "userId": f"user-{number}",
        "properties": {
            "country": ("de", "fr", "at")[number % 3],
            "plan": ("pro-monthly", "free")[number % 2],
            "age": str(number % 80),
            "version": f"1.{number % 5}.0",
        },
    }


def _client(directory: Path, flags: dict[str, Flag]) -> UnleashClient:
    cache = FileCache("annals-bench", directory=str(directory))
    cache.bootstrap_from_dict(write_unleash(flags, SEGMENTS, ENVIRONMENT))
    return UnleashClient(
        url="http://127.0.0.1:1",  # never asked
        app_name="annals-bench",
        environment=ENVIRONMENT,
        disable_metrics=True,
        disable_registration=True,
        cache=cache,
    )


def compiled(flags: dict[str, Flag]) -> dict[str, Evaluate]:
    """The flags, each compiled once."""

    def parent(_key: str, _context: Context) -> Evaluation:
        return NOT_FOUND

    return {
        key: compile_flag(key, flag, ENVIRONMENT, SEGMENTS, parent) for key, flag in flags.items()
    }


def _single(client: UnleashClient) -> tuple[list[float], list[float], list[float]]:
    """Seconds for one evaluation, turn by turn: ours alone, with its context, and theirs."""
    evaluate = compiled({"three": three_rules()})["three"]
    users = [user(number) for number in range(TURNS * USERS)]
    for each in users[:USERS]:
        assert client.is_enabled("three", each) == evaluate(_context(each)).enabled
    alone, fresh, theirs = [], [], []
    for turn in range(TURNS):
        those = users[turn * USERS : (turn + 1) * USERS]
        contexts = [_context(each) for each in those]
        for context in contexts:
            evaluate(context)  # each further flag finds the fields looked up
        alone.append(_timed(lambda: [evaluate(context) for context in contexts]))  # noqa: B023
        fresh.append(_timed(lambda: [evaluate(_context(each)) for each in those]))  # noqa: B023
        theirs.append(_timed(lambda: [client.is_enabled("three", each) for each in those]))  # noqa: B023
    return tuple([took / USERS for took in each] for each in (alone, fresh, theirs))  # type: ignore[return-value]  # there are three


def _bulk(client: UnleashClient) -> tuple[list[float], list[float]]:
    """Seconds for all flags with one context, turn by turn: ours and theirs."""
    evaluates = compiled(many_flags())
    ours, theirs = [], []
    for turn in range(7):
        said = user(turn)
        ours.append(_timed(lambda: _all(evaluates, said)))  # noqa: B023
        theirs.append(_timed(lambda: [client.is_enabled(key, said) for key in evaluates]))  # noqa: B023
    return ours, theirs


def _all(evaluates: dict[str, Evaluate], said: dict[str, Any]) -> dict[str, Evaluation]:
    context = _context(said)
    return {key: evaluate(context) for key, evaluate in evaluates.items()}


def _context(said: dict[str, Any]) -> Context:
    return make_context(said, at=AT, seed="benchmark")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return median(other / mine for mine, other in zip(ours, theirs, strict=True))


def _megabytes() -> float:
    """What the flags take in a process of their own."""
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.flag_evaluation"], check=True, capture_output=True
    )
    return float(said.stdout) / MEGABYTE


def section(found: Evaluated) -> Section:
    """The figures as lines of the table."""
    return Section(
        title="Flags evaluated in process",
        rows=[
            Row(
                what="a flag with three rules, its context at hand",
                figure=f"{found.alone:.2f} µs",
                goal="under 5 µs",
                met=found.alone < 5,
            ),
            Row(
                what="the same from a context just read",
                figure=f"{found.fresh:.2f} µs",
                beside=f"UnleashClient {found.theirs:.1f} µs",
                ratio=f"{found.ratio:.1f} times as fast",
                goal="5 times as fast",
                met=found.ratio >= 5,
            ),
            Row(
                what=f"{FLAGS:,} flags, one context",
                figure=f"{found.bulk:.1f} ms",
                beside=f"UnleashClient {found.their_bulk:.0f} ms",
                ratio=f"{found.bulk_ratio:.1f} times as fast",
                goal="under 50 ms",
                met=found.bulk < 50,
            ),
            Row(
                what=f"{FLAGS:,} flags, compiled",
                figure=f"{found.megabytes:.0f} MB",
                goal="under 100 MB",
                met=found.megabytes < 100,
            ),
        ],
    )


def main() -> None:
    """Print the bytes that the flags and what they are compiled to take."""
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    flags = many_flags()
    kept = flags, compiled(flags)
    print(process.memory_info().rss - before)
    assert len(kept[1]) == FLAGS


if __name__ == "__main__":
    main()
