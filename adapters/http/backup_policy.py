"""When backups are made without being asked for, and how long they are kept, over HTTP."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.backups import READ, WRITE
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.moments import Moment, fold
from adapters.http.names import NO_NUL
from adapters.http.operations import operation
from application.backup_commands import THE_POLICY, PruneBackups, Pruned
from domain.backup_policy import BACKUP_POLICY, UTC, BackupPolicy, SetBackupPolicy
from domain.recorded import SYSTEM_TENANT
from domain.rejections import NotFound

Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Text = Annotated[str, msgspec.Meta(max_length=200, extra_json_schema=NO_NUL)]


class ScheduleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cron expression, by the wall clock of a time zone of the IANA database."""

    cron: Text
    time_zone: Text = UTC


class RetentionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many are kept: of the newest, and one for each of so many days, weeks and months."""

    last: Count = 0
    daily: Count = 0
    weekly: Count = 0
    monthly: Count = 0


class PolicyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole policy: without a schedule nothing is made, without retention nothing goes."""

    schedule: ScheduleBody | None = None
    retention: RetentionBody | None = None


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """The policy."""

    schedule: ScheduleBody | None
    retention: RetentionBody | None
    revision: int


class PrunedView(msgspec.Struct, frozen=True, kw_only=True):
    """The versions that were let go, and how many stay."""

    pruned: list[str]
    kept: int


class NoPolicyYet(NotFound):
    """Nobody has said anything yet."""

    slug = "no-backup-policy"
    title = "There is no backup policy"


def _show(policy: BackupPolicy, revision: int) -> Answer:
    told = msgspec.convert(policy, PolicyBody, from_attributes=True)
    view = PolicyView(schedule=told.schedule, retention=told.retention, revision=revision)
    return json_answer(view, 200, (etag(revision),))


@operation(
    "PUT",
    "/v1/backups/policy",
    needs=WRITE,
    body=PolicyBody,
    answers={200: PolicyView},
    conditional=True,
)
async def put_backup_policy(call: Call, body: PolicyBody) -> Answer:
    """Say when backups are made and how long they are kept."""
    policy = msgspec.convert(body, BackupPolicy, from_attributes=True)
    command = SetBackupPolicy(
        schedule=policy.schedule, retention=policy.retention, at=call.platform.now()
    )
    return await execute(call, command, _show)


@operation(
    "GET",
    "/v1/backups/policy",
    needs=READ,
    query=Moment,
    answers={200: PolicyView},
    consistent=True,
)
async def get_backup_policy(call: Call, moment: Moment) -> Answer:
    """The policy, now or as it was; empty, until somebody has said something."""
    policy, revision = await fold(call, BACKUP_POLICY, THE_POLICY, moment)
    return _show(policy, revision)


@operation(
    "GET",
    "/v1/backups/policy/history",
    needs=READ,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def backup_policy_history(call: Call, page: HistoryPage) -> Answer:
    """Every policy that there was."""
    stream = BACKUP_POLICY.stream(THE_POLICY)
    return await stream_history(call, SYSTEM_TENANT, stream, page, NoPolicyYet())


@operation("POST", "/v1/backups/prune", needs=WRITE, answers={200: PrunedView})
async def prune_backups(call: Call) -> Answer:
    """Let go of every version that the policy does not keep."""

    def render(pruned: Pruned, _version: int) -> Answer:
        return json_answer(PrunedView(pruned=list(pruned.versions), kept=pruned.kept))

    return await execute(call, PruneBackups(at=call.platform.now()), render)


OPERATIONS = (put_backup_policy, get_backup_policy, backup_policy_history, prune_backups)
