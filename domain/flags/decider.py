"""What a flag answers to a command."""

from typing import assert_never

import msgspec

from domain.decider import Decider
from domain.flags.checking import faults_of_about, faults_of_setting, is_tolerable
from domain.flags.commands import ChangeFlag, FlagIsArchived, FlagIsProtected, NoSuchFlag
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
from domain.flags.events import (
    FlagArchived,
    FlagDefined,
    FlagDisabled,
    FlagEnabled,
    FlagEvent,
    FlagKilled,
    FlagMarkedActive,
    FlagMarkedStale,
    FlagReleased,
    FlagRevived,
    FlagRolledOut,
    FlagRulesChanged,
    FlagVariantsChanged,
)
from domain.flags.evolving import evolve
from domain.flags.rules import EVERYBODY, Rule
from domain.flags.state import Flag, NoFlag
from domain.flags.strategies import REQUIRED_PARAMETERS, SHARES
from domain.rejections import Fault, Invalid


def decide(flag: NoFlag | Flag, command: ChangeFlag) -> list[FlagEvent]:
    """Answer a command with the events it causes."""
    _check_protection(flag, command)
    before = flag
    events: list[FlagEvent] = []
    pointers = command.pointers or ("",) * len(command.edits)
    for edit, pointer in zip(command.edits, pointers, strict=True):
        caused = _edit(flag, edit, command, pointer)
        for event in caused:
            flag = evolve(flag, event)
        events += caused
    _check_kind(before, flag, command)
    return events


def _check_kind(before: NoFlag | Flag, flag: NoFlag | Flag, command: ChangeFlag) -> None:
    """A flag of another kind than before may serve nothing more of the old one, anywhere."""
    if isinstance(before, NoFlag) or isinstance(flag, NoFlag):
        return
    if flag.about.kind == before.about.kind:
        return
    pointers = command.pointers or ("",) * len(command.edits)
    edits = zip(command.edits, pointers, strict=True)
    pointer = next(place for edit, place in edits if isinstance(edit, Describe))
    faults = _misfits(flag, command, pointer)
    if faults:
        raise Invalid(*faults)


def _check_protection(flag: NoFlag | Flag, command: ChangeFlag) -> None:
    """A kill switch works at once; any other change of a protected flag waits for approval."""
    if command.approved or isinstance(flag, NoFlag) or not flag.about.protected:
        return
    if not all(isinstance(edit, Kill) for edit in command.edits):
        detail = f"Propose the change instead: POST /v1/flags/{command.flag}/changes."
        raise FlagIsProtected(detail, flag=command.flag)


def _edit(flag: NoFlag | Flag, edit: Edit, command: ChangeFlag, pointer: str) -> list[FlagEvent]:
    if isinstance(flag, NoFlag):
        if isinstance(edit, Describe):
            return _describe(None, edit, pointer)
        raise NoSuchFlag(f"There is no flag named {command.flag[:100]}.", flag=command.flag[:100])
    if flag.archived:
        return _edit_archived(edit, command)
    match edit:
        case Describe():
            return _describe(flag, edit, pointer)
        case RollOut():
            return _roll_out(flag, edit, pointer)
        case SetRules():
            return _set_rules(flag, edit, command, pointer)
        case Enable() | Disable():
            return _switch(flag, edit)
        case _:
            return _switch_all(flag, edit)


def _switch(flag: Flag, edit: Enable | Disable) -> list[FlagEvent]:
    wanted = isinstance(edit, Enable)
    if flag.setting(edit.environment).enabled == wanted:
        return []
    switched = FlagEnabled if wanted else FlagDisabled
    return [switched(environment=edit.environment)]


def _switch_all(flag: Flag, edit: Kill | Release | Archive | Revive | Mark) -> list[FlagEvent]:
    match edit:
        case Kill():
            return [] if flag.killed else [FlagKilled(reason=edit.reason)]
        case Release():
            return [FlagReleased()] if flag.killed else []
        case Archive():
            return [FlagArchived()]
        case Revive():
            return []
        case Mark():
            marked = FlagMarkedStale if edit.stale else FlagMarkedActive
            return [] if flag.stale == edit.stale else [marked()]
        case _:
            assert_never(edit)


def _edit_archived(edit: Edit, command: ChangeFlag) -> list[FlagEvent]:
    if isinstance(edit, Archive):
        return []
    if isinstance(edit, Revive):
        return [FlagRevived()]
    detail = f"Take it into use again first: POST /v1/flags/{command.flag}/revive."
    raise FlagIsArchived(detail, flag=command.flag)


def _describe(flag: Flag | None, edit: Describe, pointer: str) -> list[FlagEvent]:
    if flag is not None and flag.about == edit.about:
        return []
    faults = faults_of_about(edit.about, pointer)
    if faults:
        raise Invalid(*faults)
    return [FlagDefined(about=edit.about)]


def _misfits(flag: Flag, command: ChangeFlag, pointer: str) -> list[Fault]:
    """What the flag serves that is not of its kind."""
    return [
        Fault(
            pointer=f"{pointer}/kind",
            code="kind",
            detail=f"does not fit what it serves in {environment}: {fault.detail}",
        )
        for environment, setting in flag.settings.items()
        for fault in faults_of_setting(setting, flag.about, command.segments, "")
        if fault.code == "payload"
    ]


def _roll_out(flag: Flag, edit: RollOut, pointer: str) -> list[FlagEvent]:
    if not 0 <= edit.rollout <= EVERYBODY:
        detail = f"must be 0 to {EVERYBODY} percent"
        raise Invalid(Fault(pointer=f"{pointer}/rollout", code="range", detail=detail))
    setting = flag.setting(edit.environment)
    if not edit.rule:
        if setting.rollout == edit.rollout:
            return []
        return [FlagRolledOut(environment=edit.environment, rollout=edit.rollout)]
    rules = tuple(_rolled_out(rule, edit, pointer) for rule in setting.rules)
    if all(rule.id != edit.rule for rule in rules):
        detail = f"there is no rule {edit.rule[:100]} in {edit.environment}"
        raise Invalid(Fault(pointer=f"{pointer}/rule", code="unknown-rule", detail=detail))
    if rules == setting.rules:
        return []
    return [FlagRulesChanged(environment=edit.environment, rules=rules)]


def _rolled_out(rule: Rule, edit: RollOut, pointer: str) -> Rule:
    if rule.id != edit.rule:
        return rule
    parameter = REQUIRED_PARAMETERS.get(rule.strategy)
    if parameter is None or parameter not in SHARES:
        detail = f"its strategy {rule.strategy} has no percentage"
        raise Invalid(Fault(pointer=f"{pointer}/rule", code="no-percentage", detail=detail))
    parameters = {**rule.parameters, parameter: str(edit.rollout)}
    return msgspec.structs.replace(rule, parameters=parameters)


def _set_rules(flag: Flag, edit: SetRules, command: ChangeFlag, pointer: str) -> list[FlagEvent]:
    now = flag.setting(edit.environment)
    variants = now.variants if edit.variants is None else edit.variants
    wanted = msgspec.structs.replace(now, rules=edit.rules, variants=variants)
    if wanted == now:
        return []
    faults = [
        fault
        for fault in faults_of_setting(wanted, flag.about, command.segments, pointer)
        if not (command.foreign and is_tolerable(fault))
    ]
    if faults:
        raise Invalid(*faults)
    events: list[FlagEvent] = []
    if wanted.variants != now.variants:
        events.append(FlagVariantsChanged(environment=edit.environment, variants=variants))
    if wanted.rules != now.rules:
        events.append(FlagRulesChanged(environment=edit.environment, rules=edit.rules))
    return events


FLAG: Decider[NoFlag | Flag, ChangeFlag, FlagEvent] = Decider(
    category="flag", events=FlagEvent, initial=NoFlag(), decide=decide, evolve=evolve
)
