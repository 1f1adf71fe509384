"""Environments over HTTP: those in which anything was ever said about a flag."""

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.flag_evaluation import current_flags
from adapters.http.operations import operation


class EnvironmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An environment: how many flags have a setting there, and how many of these are on."""

    name: str
    flags: int
    enabled: int


class EnvironmentList(msgspec.Struct, frozen=True, kw_only=True):
    """All environments, by name."""

    items: list[EnvironmentView]


@operation(
    "GET",
    "/v1/environments",
    needs="flags:read",
    answers={200: EnvironmentList},
    consistent=True,
)
async def list_environments(call: Call) -> Answer:
    """The environments that flags are set up in; one comes into being when a flag first is."""
    counts: dict[str, list[int]] = {}
    for flag in (await current_flags(call)).flags.values():
        for name, setting in flag.settings.items():
            count = counts.setdefault(name, [0, 0])
            count[0] += not flag.archived
            count[1] += setting.enabled and not flag.killed and not flag.archived
    items = [
        EnvironmentView(name=name, flags=flags, enabled=enabled)
        for name, (flags, enabled) in sorted(counts.items())
    ]
    return json_answer(EnvironmentList(items=items))


OPERATIONS = (list_environments,)
