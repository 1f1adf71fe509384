"""Commands on flags over HTTP: each is one or more edits of one flag."""

import msgspec

from adapters.http.answers import Answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.flag_evaluation import current_flags
from adapters.http.flag_reverts import flag_at_version
from adapters.http.flag_shapes import (
    FlagBody,
    FlagView,
    KillBody,
    MarkBody,
    RevertBody,
    RolloutBody,
    RulesBody,
    about_of,
    missing,
    new_key,
    shown,
    with_ids,
)
from adapters.http.names import Name, known_foreign_name
from adapters.http.operations import operation
from application.flags import DEFAULT_ENVIRONMENT
from application.flags.changes import EditFlag, RevertFlag
from domain.flags.edits import (
    Archive,
    Describe,
    Disable,
    Edit,
    Enable,
    Kill,
    Mark,
    Release,
    Revive,
    RollOut,
    SetRules,
)
from domain.rejections import Fault, Invalid

WRITE = "flags:write"


class EnvironmentQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which environment."""

    environment: Name = DEFAULT_ENVIRONMENT


async def change(call: Call, environment: str, *edits: Edit, key: str | None = None) -> Answer:
    """Carry out edits of the flag that the path names."""
    name = known_foreign_name(call.params["key"], missing) if key is None else key
    command = EditFlag(flag=name, edits=edits, at=call.platform.now())
    return await execute(call, command, shown(name, environment))


@operation(
    "PUT",
    "/v1/flags/{key}",
    needs=WRITE,
    body=FlagBody,
    answers={200: FlagView, 201: FlagView},
    conditional=True,
)
async def put_flag(call: Call, body: FlagBody) -> Answer:
    """Define a flag, or say anew what it is and does in one environment."""
    key, environment = new_key(call.params["key"]), body.environment
    edits: list[Edit] = [Describe(about=about_of(key, body))]
    if body.rules is not None or body.variants is not None:
        if body.rules is None:
            detail = "is required where variants are given"
            raise Invalid(Fault(pointer="/rules", code="required", detail=detail))
        rules = with_ids(body.rules)
        edits.append(SetRules(environment=environment, rules=rules, variants=body.variants))
    edits.append(RollOut(environment=environment, rollout=body.rollout))
    switch = Enable if body.enabled else Disable
    edits.append(switch(environment=environment))
    return await change(call, environment, *edits, key=key)


@operation(
    "PUT",
    "/v1/flags/{key}/rules",
    needs=WRITE,
    body=RulesBody,
    query=EnvironmentQuery,
    answers={200: FlagView},
    conditional=True,
)
async def put_rules(call: Call, body: RulesBody, query: EnvironmentQuery) -> Answer:
    """Change the rules, and the variants, of one environment."""
    edit = SetRules(
        environment=query.environment, rules=with_ids(body.rules), variants=body.variants
    )
    return await change(call, query.environment, edit)


@operation(
    "POST",
    "/v1/flags/{key}/rollout",
    needs=WRITE,
    body=RolloutBody,
    query=EnvironmentQuery,
    answers={200: FlagView},
    conditional=True,
)
async def roll_out(call: Call, body: RolloutBody, query: EnvironmentQuery) -> Answer:
    """Change for how many percent a flag, or one rule of it, is on."""
    if not body.rule:
        await _refuse_without_rule(call, query.environment)
    edit = RollOut(environment=query.environment, rollout=body.rollout, rule=body.rule)
    return await change(call, query.environment, edit)


async def _refuse_without_rule(call: Call, environment: str) -> None:
    """Where there are rules they alone decide, and a rollout beside them would change nothing.

    Raises:
        Invalid: naming the rules.
    """
    folded = (await current_flags(call)).flag(call.params["key"])
    rules = () if folded is None else folded.state.setting(environment).rules
    if rules:
        named = ", ".join(rule.id[:60] for rule in rules[:10])
        detail = f"is required, because the flag has rules in {environment}: {named}"
        raise Invalid(Fault(pointer="/rule", code="required", detail=detail))


@operation(
    "POST",
    "/v1/flags/{key}/enable",
    needs=WRITE,
    query=EnvironmentQuery,
    answers={200: FlagView},
    conditional=True,
)
async def enable_flag(call: Call, query: EnvironmentQuery) -> Answer:
    """Switch a flag on in one environment."""
    return await change(call, query.environment, Enable(environment=query.environment))


@operation(
    "POST",
    "/v1/flags/{key}/disable",
    needs=WRITE,
    query=EnvironmentQuery,
    answers={200: FlagView},
    conditional=True,
)
async def disable_flag(call: Call, query: EnvironmentQuery) -> Answer:
    """Switch a flag off in one environment."""
    return await change(call, query.environment, Disable(environment=query.environment))


@operation(
    "POST",
    "/v1/flags/{key}/kill",
    needs=WRITE,
    body=KillBody,
    answers={200: FlagView},
    conditional=True,
)
async def kill_flag(call: Call, body: KillBody) -> Answer:
    """Switch a flag off everywhere at once, whatever its settings say; protected ones too."""
    return await change(call, DEFAULT_ENVIRONMENT, Kill(reason=body.reason))


@operation(
    "POST", "/v1/flags/{key}/release", needs=WRITE, answers={200: FlagView}, conditional=True
)
async def release_flag(call: Call) -> Answer:
    """Take the kill switch back: the flag's settings count again."""
    return await change(call, DEFAULT_ENVIRONMENT, Release())


@operation(
    "POST", "/v1/flags/{key}/archive", needs=WRITE, answers={200: FlagView}, conditional=True
)
async def archive_flag(call: Call) -> Answer:
    """Take a flag out of use: it is off everywhere and left out of lists."""
    return await change(call, DEFAULT_ENVIRONMENT, Archive())


@operation("POST", "/v1/flags/{key}/revive", needs=WRITE, answers={200: FlagView}, conditional=True)
async def revive_flag(call: Call) -> Answer:
    """Take an archived flag into use again, with the settings that it had."""
    return await change(call, DEFAULT_ENVIRONMENT, Revive())


@operation(
    "POST",
    "/v1/flags/{key}/mark",
    needs=WRITE,
    body=MarkBody,
    answers={200: FlagView},
    conditional=True,
)
async def mark_flag(call: Call, body: MarkBody) -> Answer:
    """Say that a flag has served its purpose, or that it has not."""
    return await change(call, DEFAULT_ENVIRONMENT, Mark(stale=body.stale))


@operation(
    "POST",
    "/v1/flags/{key}/revert",
    needs=WRITE,
    body=RevertBody,
    answers={200: FlagView},
    conditional=True,
)
async def revert_flag(call: Call, body: RevertBody) -> Answer:
    """Change a flag back to what it was at a version of it."""
    key = known_foreign_name(call.params["key"], missing)
    then = await flag_at_version(call, key, body.version, "/version")
    command = RevertFlag(flag=key, to=then, at=call.platform.now())
    return await execute(call, command, shown(key, DEFAULT_ENVIRONMENT))


OPERATIONS = (
    put_flag,
    put_rules,
    roll_out,
    enable_flag,
    disable_flag,
    kill_flag,
    release_flag,
    archive_flag,
    revive_flag,
    mark_flag,
    revert_flag,
)
