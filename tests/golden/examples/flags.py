"""Events of flags, one of each type."""

from domain.decider import Event
from domain.flags.conditions import AllOf, AnyOf, Constraint, InSegment
from domain.flags.edits import (
    Archive,
    Describe,
    Disable,
    Enable,
    Kill,
    Mark,
    Release,
    Revive,
    RollOut,
    SetRules,
)
from domain.flags.environments import EnvironmentDescribed, EnvironmentRemoved
from domain.flags.events import (
    FlagArchived,
    FlagDefined,
    FlagDisabled,
    FlagEnabled,
    FlagKilled,
    FlagMarkedActive,
    FlagMarkedStale,
    FlagReleased,
    FlagRevived,
    FlagRolledOut,
    FlagRulesChanged,
    FlagVariantsChanged,
    SegmentArchived,
    SegmentDefined,
)
from domain.flags.needs import NeedBegun
from domain.flags.planned import (
    Failure,
    FlagChangeApproved,
    FlagChangeCancelled,
    FlagChangeCompleted,
    FlagChangeFailed,
    FlagChangePaused,
    FlagChangeProposed,
    FlagChangeRejected,
    FlagChangeResumed,
    FlagChangeStepCarriedOut,
    Step,
)
from domain.flags.rules import Prerequisite, Rule
from domain.flags.state import About
from domain.flags.usage import Count, FlagUsageCounted
from domain.flags.variants import Override, Payload, Variant
from domain.rejections import Fault
from tests.golden.examples.moment import AT

EVENTS: list[Event] = [
    FlagDefined(
        about=About(
            description="new",
            group="beta",
            kind="string",
            default="x",
            purpose="experiment",
            owner="team",
            tags=("shop",),
            project="web",
            lifetime=30,
            protected=True,
            impressions=True,
            prerequisites=(Prerequisite(flag="base", enabled=True, variants=("a",)),),
        )
    ),
    FlagEnabled(environment="default"),
    FlagDisabled(environment="default"),
    FlagRolledOut(environment="default", rollout=30),
    FlagRulesChanged(
        environment="default",
        rules=(
            Rule(
                id="r1",
                title="some",
                disabled=False,
                condition=AllOf(
                    of=(
                        InSegment(segment="beta", inverted=True),
                        AnyOf(
                            of=(
                                Constraint(
                                    field="country",
                                    operator="IN",
                                    values=("NO",),
                                    inverted=True,
                                    case_insensitive=True,
                                ),
                            )
                        ),
                    )
                ),
                strategy="flexibleRollout",
                parameters={"rollout": "50"},
                serve="a",
                bucketing="flagd",
            ),
        ),
    ),
    FlagVariantsChanged(
        environment="default",
        variants=(
            Variant(
                name="a",
                weight=1000,
                payload=Payload(type="string", value="x"),
                stickiness="userId",
                fixed=True,
                overrides=(Override(field="userId", values=("7",)),),
            ),
        ),
    ),
    FlagKilled(reason="fire"),
    FlagReleased(),
    FlagArchived(),
    FlagRevived(),
    FlagMarkedStale(),
    FlagMarkedActive(),
    SegmentDefined(
        description="who",
        condition=Constraint(field="plan", operator="IN", values=("pro",)),
    ),
    SegmentArchived(),
    FlagChangeProposed(
        flag="beta",
        drafted=3,
        steps=(
            Step(
                edits=(
                    Describe(about=About(group="beta")),
                    Enable(environment="default"),
                    Disable(environment="staging"),
                    RollOut(environment="default", rollout=10, rule="r1"),
                    SetRules(
                        environment="default",
                        rules=(Rule(id="r1"),),
                        variants=(Variant(name="a", weight=1000),),
                    ),
                ),
                at=AT,
                pause=1.5,
            ),
            Step(
                edits=(
                    Kill(reason="fire"),
                    Release(),
                    Archive(),
                    Revive(),
                    Mark(stale=True),
                ),
                hold=True,
            ),
        ),
        reason="the launch",
        proposer="account/a1",
        needs_approval=False,
        next_at=AT,
    ),
    FlagChangeApproved(approver="account/a2", next_at=AT),
    FlagChangeRejected(reason="too early"),
    FlagChangeStepCarriedOut(step=1, next_at=None),
    FlagChangePaused(),
    FlagChangeResumed(next_at=AT),
    FlagChangeCancelled(reason="no more"),
    FlagChangeFailed(
        step=2,
        failure=Failure(
            code="invalid",
            detail="there is no rule r1",
            faults=(Fault(pointer="/rule", code="unknown-rule", detail="there is no rule r1"),),
        ),
    ),
    FlagChangeCompleted(),
    FlagUsageCounted(
        environment="live",
        until=AT,
        counts=(
            Count(flag="a", yes=7, no=2, variants={"blue": 5}),
            Count(flag="b", yes=0, no=1),
        ),
    ),
    NeedBegun(flags=("beta",)),
    EnvironmentDescribed(description="for customers", purpose="production"),
    EnvironmentRemoved(),
]
