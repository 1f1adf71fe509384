"""Drafts: what a planned change would replace, and whether that is still what its author saw."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from application.current import CurrentStates
from application.event_store import StreamName
from application.flags.relations import segments_of
from application.unit import Loaded, Unit
from domain.decider import Decider
from domain.flags.commands import ChangeFlag
from domain.flags.decider import FLAG
from domain.flags.edits import Describe, Edit, SetRules
from domain.flags.planned import Running
from domain.flags.state import Flag, NoFlag
from domain.rejections import Conflict


class DraftIsOld(Conflict):
    """The flag has changed since the version that the proposer had in mind."""

    slug = "draft-is-old"
    title = "The flag has changed since the draft was made"


class DraftIsOvertaken(Conflict):
    """Carried out now, the change would replace what somebody has changed since it was proposed."""

    slug = "draft-is-overtaken"
    title = "Somebody has changed what the draft would replace"


async def check_overtaken(
    current: CurrentStates, unit: Unit, change: Running, now: NoFlag | Flag, at: datetime
) -> None:
    """Refuse where the next step would replace something else than it was drafted to replace.

    What the change's own earlier steps have done was expected.

    Raises:
        DraftIsOvertaken: naming what.
        Outage: when the log does not tell how the flag was.
    """
    plan = change.plan
    step = plan.steps[change.done]
    if not any(isinstance(each, SetRules | Describe) for each in step.edits):
        return
    drafted = await current.at_version(FLAG, plan.flag, plan.drafted, unit.context.tenant)
    before = tuple(each for done in plan.steps[: change.done] for each in done.edits)
    expected = _edited(plan.flag, drafted, before, at)
    for each in step.edits:
        if _replaced(expected, each) != _replaced(now, each):
            what = "what the flag says about itself"
            if isinstance(each, SetRules):
                what = f"the rules of {each.environment}"
            detail = f"Since version {plan.drafted} of the flag somebody has changed {what}."
            raise DraftIsOvertaken(detail)


def _edited(key: str, flag: NoFlag | Flag, edits: tuple[Edit, ...], at: datetime) -> NoFlag | Flag:
    """The flag as these edits alone would have left it."""
    command = ChangeFlag(
        flag=key,
        edits=edits,
        segments=[name for each in edits for name in segments_of(each)],
        approved=True,
        at=at,
    )
    return FLAG.fold(FLAG.decide(flag, command), flag)


def _replaced(flag: NoFlag | Flag, edit_: Edit) -> object:
    """What an edit puts something else in the place of; None where it only changes a part."""
    if isinstance(flag, NoFlag):
        return None
    match edit_:
        case Describe():
            return flag.about
        case SetRules(variants=None):
            return flag.setting(edit_.environment).rules
        case SetRules():
            setting = flag.setting(edit_.environment)
            return setting.rules, setting.variants
        case _:
            return None


@dataclass(frozen=True)
class Beside:
    """Loads states for a unit that nobody records, through the unit that will be."""

    unit: Unit

    async def load(self, decider: Decider[Any, Any, Any], stream: StreamName) -> Loaded:
        """See `Loader`."""
        id_ = stream[1].partition("/")[2]
        state = await self.unit.guard(decider, id_)
        version = self.unit.version(decider, id_)
        return Loaded(decider, stream, version, state, fresh=True, events=[])


def beside(unit: Unit) -> Unit:
    """A unit that begins where another one stands, to try out what nobody records.

    What it looks at is guarded: what it tells is so when the other one is recorded.
    """
    return Unit(Beside(unit), msgspec.structs.replace(unit.context, if_match=None))
