"""`make bench`: measure everything, print one table, write docs/PERFORMANCE.md.

    python -m benchmarks [NAME ...]

With names only those are measured and the document stays as it is. Everything runs on throwaway
servers that are as durable as those of `annals up`; a whole run takes half an hour.
"""

from collections.abc import Callable
from typing import Any

import click
import uvloop
from rich.console import Console

from adapters.telemetry.logging import configure_logging
from benchmarks import (
    access_lines,
    appends,
    backups,
    cache,
    commands,
    flag_buckets,
    flag_evaluation,
    flags,
    jobs,
    logins,
    logs,
    machine,
    memory,
    rebuilds,
    reminders,
    report,
    restores,
    schemas,
    sessions,
    tokens,
    visibility,
    webhooks,
)
from benchmarks.servers import installed, servers
from tests.support.services import Services


def _appends(services: Services) -> Any:
    return uvloop.run(appends.measure(services.new_database(migrated=False)))


def _visibility(services: Services) -> Any:
    with installed(services) as installation:
        return uvloop.run(visibility.measure(installation))


def _rebuilds(services: Services) -> Any:
    with installed(services) as installation:
        empty = services.new_database(migrated=False)
        return uvloop.run(rebuilds.measure(empty, installation))


def _jobs(services: Services) -> Any:
    with installed(services) as installation:
        return uvloop.run(jobs.measure(installation))


MEASUREMENTS: dict[str, Callable[[Services], Any]] = {
    "appends": _appends,
    "commands": commands.measure,
    "visibility": _visibility,
    "rebuilds": _rebuilds,
    "jobs": _jobs,
    "memory": memory.measure,
    "backups": backups.measure,
    "cache": lambda _services: cache.measure(),
    "flag_buckets": lambda _services: flag_buckets.measure(),
    "flag_evaluation": lambda _services: flag_evaluation.measure(),
    "flags": flags.measure,
    "reminders": reminders.measure,
    "restores": restores.measure,
    "schemas": schemas.measure,
    "logins": logins.measure,
    "sessions": sessions.measure,
    "tokens": tokens.measure,
    "webhooks": webhooks.measure,
    "logs": lambda _services: uvloop.run(logs.measure()),
    "access_lines": lambda _services: uvloop.run(access_lines.measure()),
}

SECTIONS: dict[str, Callable[[Any], report.Section]] = {
    "logs": logs.section,
    "commands": report.commands,
    "visibility": report.visibility,
    "rebuilds": report.rebuilds,
    "jobs": report.jobs,
    "memory": report.memory,
    "backups": backups.section,
    "cache": cache.section,
    "flag_buckets": flag_buckets.section,
    "flag_evaluation": flag_evaluation.section,
    "flags": flags.section,
    "reminders": reminders.section,
    "restores": restores.section,
    "schemas": schemas.section,
    "logins": logins.section,
    "sessions": sessions.section,
    "tokens": tokens.section,
    "webhooks": webhooks.section,
    "access_lines": access_lines.section,
}
"""The table's part of each measurement that has one to itself."""


@click.command
@click.argument("names", nargs=-1, type=click.Choice(list(MEASUREMENTS)))
def main(names: tuple[str, ...]) -> None:
    """Measure, print a table, and write docs/PERFORMANCE.md when everything was measured."""
    configure_logging("warning", "console", process="benchmark")
    progress, others = Console(stderr=True), machine.Others()
    with servers() as services:
        described = uvloop.run(machine.described(services.new_database(), services.redis_url))
        found = {}
        for name in names or MEASUREMENTS:
            with progress.status(f"measuring {name}"):
                found[name] = MEASUREMENTS[name](services)
    sections = _sections(found)
    report.show(sections, Console(width=190))
    if not names:
        report.write(sections, _sentence(described, others.share()))


def _sections(found: dict[str, Any]) -> list[report.Section]:
    sections = []
    if "appends" in found:
        sections.append(report.appends(found["appends"]))
    if found.keys() & {"appends", "visibility", "rebuilds", "jobs"}:
        sections.append(
            report.snapshots(
                found.get("appends", ()),
                found.get("visibility"),
                found.get("rebuilds", ()),
                found.get("jobs"),
            )
        )
    return sections + [SECTIONS[name](found[name]) for name in SECTIONS if name in found]


def _sentence(each: machine.Machine, others: float) -> str:
    return (
        f"Measured on {each.at}: {each.cores} cores ({each.processor}), {each.memory:.0f} GB of "
        f"memory, {each.system}; {each.software}; {each.durability}. Meanwhile other "
        f"programs had {others:.0%} of the cores' time."
    )


if __name__ == "__main__":
    main()
