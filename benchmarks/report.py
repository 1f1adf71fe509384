"""The figures as tables: on the terminal, and between two marks of docs/PERFORMANCE.md.

The words around them in the document stay as people have written them.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.appends import Compared
from benchmarks.commands import Round
from benchmarks.jobs import Jobs
from benchmarks.load import Figure, middle
from benchmarks.memory import Loaded
from benchmarks.rebuilds import Rebuilt
from benchmarks.visibility import Visible

DOCUMENT = Path(__file__).parent.parent / "docs" / "PERFORMANCE.md"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line: a figure, what it is held against, their ratio, the goal, and whether it is met."""

    what: str
    figure: str
    beside: str = ""
    ratio: str = ""
    goal: str = ""
    met: bool | None = None


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement's lines."""

    title: str
    rows: list[Row]


def appends(found: Sequence[Compared]) -> Section:
    rows = []
    for each in found:
        append, plain = each.append, each.plain
        ratio = append.per_second / plain.per_second
        goal, met = "", None
        if each.clients == 1:
            goal, met = "p50 under 0.6 ms", append.p50 < 0.6
        if each.clients == 64:
            goal, met = "30,000/s and 2x", append.per_second >= 30_000 and ratio >= 2
        rows.append(
            Row(
                what=f"conditional appends, {_clients(each.clients)}",
                figure=_paced(append),
                beside=f"plain INSERTs {_paced(plain)}",
                ratio=f"{ratio:.2f}x",
                goal=goal,
                met=met,
            )
        )
    return Section(title="(a) Appends", rows=rows)


def snapshots(
    found: Sequence[Compared],
    visible: Visible | None,
    rebuilt: Sequence[Rebuilt],
    jobs: Jobs | None,
) -> Section:
    pairs = [
        (f"appends, {_clients(each.clients)}", each.append.per_second, each.snapshot.per_second)
        for each in found
    ]
    if visible is not None:
        plain, held = visible.plain, visible.snapshot
        pairs.append(("append to visible, round trips", plain.per_second, held.per_second))
    pairs += [(f"rebuild of {each.what}, events", each.plain, each.snapshot) for each in rebuilt]
    if jobs is not None:
        pairs.append(("jobs", jobs.plain, jobs.snapshot))
    rows = [
        Row(
            what=what,
            figure=f"{held:,.0f}/s",
            beside=f"without {plain:,.0f}/s",
            ratio=f"{held / plain:.2f}x",
            goal="within 10 %",
            met=held / plain >= 0.9,
        )
        for what, plain, held in pairs
    ]
    return Section(title="(b) The same with an old snapshot held open", rows=rows)


def commands(found: Sequence[Round]) -> Section:
    def median(name: str) -> Figure:
        return middle([getattr(each, name) for each in found])

    command = median("command")
    rows = []
    for name, what in (("litestar", "Litestar's no-op POST"), ("bare", "bare ASGI no-op POST")):
        noop = median(name)
        ratio = command.per_second / noop.per_second
        rows.append(
            Row(
                what="session, flag, limit, schema, append",
                figure=_paced(command),
                beside=f"{what} {_paced(noop)}",
                ratio=f"{ratio:.0%}",
                goal="30 %, aim 40 %",
                met=ratio >= 0.3,
            )
        )
    return Section(title="(c) A command over HTTP, 64 connections", rows=rows)


def visibility(found: Visible) -> Section:
    plain = found.plain
    row = Row(
        what="answer to visible, 1 client",
        figure=f"p50 {plain.p50:.2f} ms, p99 {plain.p99:.2f} ms",
        goal="p50 under 5 ms, p99 under 50 ms",
        met=plain.p50 < 5 and plain.p99 < 50,
    )
    return Section(title="(d) Append to visible in a read model", rows=[row])


def rebuilds(found: Sequence[Rebuilt]) -> Section:
    rows = [
        Row(
            what=f"{each.what}: {each.events:,} events into {each.rows:,} rows",
            figure=f"{each.plain:,.0f} events/s",
            goal="50,000/s",
            met=each.plain >= 50_000,
        )
        for each in found
    ]
    return Section(title="(e) Rebuild of a projection", rows=rows)


def jobs(found: Jobs) -> Section:
    rows = [
        Row(
            what="enqueue to outcome, 2 worker processes",
            figure=f"{found.plain:,.0f} jobs/s",
            goal="1,000/s, aim 2,000/s",
            met=found.plain >= 1000,
        ),
        Row(what="enqueueing beside them", figure=f"{found.enqueued:,.0f} commands/s"),
        Row(what="events per job", figure=f"{found.events_per_job:.2f}"),
    ]
    return Section(title="(f) Jobs with the log executor", rows=rows)


def memory(found: Loaded) -> Section:
    rows = []
    for each in found.processes:
        few = max(each.largest, each.together or 0) < 150
        rows.append(
            Row(
                what=each.role
                if each.processes == 1
                else f"{each.role}, {each.processes} processes",
                figure=f"largest {each.largest:.0f} MB",
                beside="" if each.together is None else f"together {each.together:.0f} MB",
                goal="under 150 MB" if each.role == "api" else "",
                met=few if each.role == "api" else None,
            )
        )
    rows.append(
        Row(
            what=f"meanwhile: {found.requests:,} requests over HTTP, everything running",
            figure=f"{found.requests_per_second:,.0f} accepted/s",
            beside=f"done {found.jobs_per_second:,.0f} jobs/s",
        )
    )
    return Section(title="(g) Memory after load", rows=rows)


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


def _paced(figure: Figure) -> str:
    return f"{figure.per_second:,.0f}/s, p50 {figure.p50:.2f} ms, p99 {figure.p99:.2f} ms"


def show(sections: Sequence[Section], console: Console) -> None:
    """One table on the terminal."""
    table = RichTable("what", "figure", "beside", "ratio", "goal", "met", expand=False)
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{section.title}[/]")
        for row in section.rows:
            table.add_row(row.what, row.figure, row.beside, row.ratio, row.goal, _mark(row.met))
    console.print(table)


def _mark(met: bool | None) -> str:  # noqa: FBT001 - a cell's value
    return "" if met is None else "yes" if met else "no"


def write(sections: Sequence[Section], machine: str, document: Path = DOCUMENT) -> None:
    """Put the figures between the document's marks."""
    lines = [machine, ""]
    for section in sections:
        lines += [f"### {section.title}", "", "| what | figure | beside | ratio | goal | met |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [
            f"| {row.what} | {row.figure} | {row.beside} | {row.ratio} | {row.goal} "
            f"| {_mark(row.met)} |"
            for row in section.rows
        ]
        lines.append("")
    figures = "\n".join(lines)
    text = document.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- figures -->\n).*(<!-- /figures -->)", re.DOTALL)
    text, count = marked.subn(lambda found: f"{found[1]}\n{figures}{found[2]}", text)
    if count != 1:
        raise ValueError(f"{document.name} has no place for figures")
    document.write_text(text, encoding="utf-8")
