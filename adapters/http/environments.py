"""Environments over HTTP: those in which flags work, and those that somebody has described."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.flag_evaluation import current_flags
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import rows_of
from adapters.http.moments import Moment, fold, is_new
from adapters.http.names import NO_NUL, known_name, new_name
from adapters.http.operations import operation
from application.flags.environments import DropEnvironment, works_in
from domain.flags.environments import (
    ENVIRONMENT,
    DescribeEnvironment,
    Environment,
    EnvironmentType,
    NoSuchEnvironment,
)
from domain.flags.state import Flag
from projections import environments as projection

READ, WRITE = "flags:read", "flags:write"


class EnvironmentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it is for: `type` in one word, and in a sentence."""

    description: Annotated[str, msgspec.Meta(max_length=1000, extra_json_schema=NO_NUL)] = ""
    type: EnvironmentType = "production"


class EnvironmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An environment: how many flags have a setting there, and how many of these are on."""

    name: str
    description: str
    type: EnvironmentType
    flags: int
    enabled: int
    version: int


class EnvironmentList(msgspec.Struct, frozen=True, kw_only=True):
    """All environments, by name."""

    items: list[EnvironmentView]


def _missing(name: str) -> NoSuchEnvironment:
    return NoSuchEnvironment(f"There is no environment {name[:100]}.", environment=name[:100])


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What flags do in an environment: so many have a setting there, are on, do anything at all."""

    flags: int = 0
    enabled: int = 0
    working: int = 0

    @classmethod
    def of(cls, flags: Mapping[str, Flag]) -> "dict[str, Use]":
        """By the names of all environments in which anything was ever said about a flag."""
        counts: dict[str, list[int]] = {}
        for flag in flags.values():
            for name, setting in flag.settings.items():
                count = counts.setdefault(name, [0, 0, 0])
                count[0] += not flag.archived
                count[1] += setting.enabled and not flag.killed and not flag.archived
                count[2] += works_in(flag, name)
        return {
            name: cls(flags=there, enabled=on, working=working)
            for name, (there, on, working) in counts.items()
        }


UNUSED = Use()


def _view(name: str, environment: Environment, version: int, use: Use) -> EnvironmentView:
    return EnvironmentView(
        name=name,
        description=environment.description,
        type=environment.purpose,
        flags=use.flags,
        enabled=use.enabled,
        version=version,
    )


def _shown(name: str, use: Use, *, created: bool) -> Render:
    def render(environment: Environment, version: int) -> Answer:
        location = ((b"location", f"/v1/environments/{name}".encode()),) if created else ()
        view = _view(name, environment, version, use)
        return json_answer(view, 201 if created else 200, (etag(version), *location))

    return render


@operation(
    "PUT",
    "/v1/environments/{name}",
    needs=WRITE,
    body=EnvironmentBody,
    answers={200: EnvironmentView, 201: EnvironmentView},
    conditional=True,
)
async def put_environment(call: Call, body: EnvironmentBody) -> Answer:
    """Say what an environment is for; flags work in it whether anybody does or not."""
    name = new_name(call.params["name"], reserved=())
    use = Use.of((await current_flags(call)).flags)
    created = await is_new(call, ENVIRONMENT, name) and name not in use
    command = DescribeEnvironment(
        environment=name,
        description=body.description,
        purpose=body.type,
        at=call.platform.now(),
    )
    return await execute(call, command, _shown(name, use.get(name, UNUSED), created=created))


@operation(
    "DELETE",
    "/v1/environments/{name}",
    needs=WRITE,
    answers={204: None},
    conditional=True,
)
async def delete_environment(call: Call) -> Answer:
    """Remove an environment in which no flag does anything; its history stays."""
    name = known_name(call.params["name"], _missing)
    command = DropEnvironment(environment=name, at=call.platform.now())
    return await execute(call, command, lambda _, version: Answer(204, headers=(etag(version),)))


@operation(
    "GET",
    "/v1/environments/{name}",
    needs=READ,
    query=Moment,
    answers={200: EnvironmentView},
    consistent=True,
)
async def get_environment(call: Call, moment: Moment) -> Answer:
    """One environment, as it was described then; its flags are counted now."""
    name = known_name(call.params["name"], _missing)
    environment, version = await fold(call, ENVIRONMENT, name, moment)
    use = Use.of((await current_flags(call)).flags).get(name)
    if not _is_there(environment, use):
        raise _missing(name)
    view = _view(name, environment, version, use or UNUSED)
    return json_answer(view, headers=(etag(version),))


def _is_there(environment: Environment, use: Use | None) -> bool:
    """Whether it was described or flags were set up in it: if it was removed, since then."""
    if environment.removed:
        return use is not None and use.working > 0
    return environment.described or use is not None


@operation(
    "GET",
    "/v1/environments",
    needs=READ,
    answers={200: EnvironmentList},
    consistent=True,
)
async def list_environments(call: Call) -> Answer:
    """The environments that flags are set up in, or that somebody has described."""
    use = Use.of((await current_flags(call)).flags)
    async with rows_of(call, projection.PROJECTION) as rows:
        said = {row.name: row for row in await projection.find_environments(rows)}
    found = [(name, *_said(said.get(name))) for name in sorted(use.keys() | said.keys())]
    items = [
        _view(name, environment, version, use.get(name, UNUSED))
        for name, environment, version in found
        if _is_there(environment, use.get(name))
    ]
    return json_answer(EnvironmentList(items=items))


def _said(row: projection.EnvironmentRow | None) -> tuple[Environment, int]:
    if row is None:
        return Environment(), 0
    environment = Environment(
        described=not row.removed,
        removed=row.removed,
        description=row.description,
        purpose=row.purpose,
    )
    return environment, row.version


@operation(
    "GET",
    "/v1/environments/{name}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def environment_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that was said about an environment."""
    name = known_name(call.params["name"], _missing)
    return await stream_history(call, call.tenant, ENVIRONMENT.stream(name), page, _missing(name))


OPERATIONS = (
    put_environment,
    delete_environment,
    get_environment,
    list_environments,
    environment_history,
)
