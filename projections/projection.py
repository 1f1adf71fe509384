"""A read model as a value: what it is called, where its rows lie and how events change them.

A projection module has its version and tables on top, then a pure `project`, then the `find_*`
queries, and ties them in one `Projection` value, which `adapters/capabilities.py` lists.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.decider import Event
from domain.recorded import Recorded
from projections.tables import NAME, Operation, Table

BUILDS = 1000
"""Generations are numbered version * BUILDS + build: a rebuild of one version is its next build."""

Project = Callable[[Recorded[Any]], Iterable[Operation]]
TenantOf = Callable[[Recorded[Any]], str]


def tenant_of_stream(recorded: Recorded[Any]) -> str:
    """The tenant in whose part of the log an event lies."""
    return recorded.tenant


@dataclass(frozen=True, kw_only=True)
class Projection:
    """One read model.

    `version` rises whenever tables or `project` change: its rows are then built anew beside the
    old ones. `handles` are the event types that `project` is called with; all others pass it
    without being decoded. `project` is pure: the same event gives the same operations. Rows are the
    tenant's whose stream it is, unless `tenant_of` knows better.
    """

    name: str
    version: int
    tables: tuple[Table, ...]
    handles: tuple[type[Event], ...]
    project: Project
    tenant_of: TenantOf = tenant_of_stream

    def __post_init__(self) -> None:
        """Refuse what could not be told apart in the database."""
        names = [table.name for table in self.tables]
        if not NAME.fullmatch(self.name) or len(set(names)) != len(names):
            raise ValueError(f"projection {self.name} is declared wrongly")
        if not 0 < self.version < BUILDS:
            raise ValueError(f"projection {self.name} has a version that is not in 1 to 999")

    @property
    def event_types(self) -> frozenset[str]:
        """The wire names of what it handles."""
        return frozenset(str(type_.__struct_config__.tag) for type_ in self.handles)

    @property
    def generations(self) -> range:
        """The numbers that builds of this version may have."""
        return range(self.version * BUILDS, (self.version + 1) * BUILDS)

    def generation(self, build: int = 0) -> int:
        """The number of one build of this version."""
        return self.version * BUILDS + build


def schema_of(name: str, generation: int) -> str:
    """The database schema in which one generation of a projection has its tables."""
    return f"read_{name}_{generation // BUILDS}_{generation % BUILDS}"


def operations(
    projection: Projection, batch: Sequence[Recorded[Any]]
) -> Iterable[tuple[str, Operation]]:
    """What a batch of events asks for: (tenant, operation), in order."""
    for recorded in batch:
        for operation in projection.project(recorded):
            yield projection.tenant_of(recorded), operation
