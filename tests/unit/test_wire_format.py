"""The log's format, guarded as data: one golden line per event tag.

What is in a log stays there for ever. So a change of these lines is an upcast with a new schema
version, or a new tag; a line that is there already is never edited.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.capabilities import DECIDERS, UPCASTS
from application.codec import HIDDEN_MARK, EventCodec
from application.event_store import StoredEvent
from application.vault import KeyOwner
from domain.access import OwnerKeySet
from domain.accounts import (
    AccountClosed,
    AccountErased,
    AccountKeysDestroyed,
    AccountLockedOut,
    AccountRegistered,
    AccountReopened,
    AccountSessionsRevoked,
    AccountSignInsFailed,
    AccountVerified,
    EmailChangeAsked,
    EmailChanged,
    EmailReleased,
    EmailReserved,
    PasswordChanged,
    PasswordDropped,
    PasswordRehashed,
    PasswordResetAsked,
    UnprovenKeyMade,
    VerificationAsked,
)
from domain.actions import ActionDefined, HttpTarget
from domain.api_keys import ApiKeyIssued, ApiKeyRevoked
from domain.backup_policy import BackupPolicySet, Schedule
from domain.backups import (
    BackupAdopted,
    BackupCompleted,
    BackupDeleted,
    BackupFailed,
    BackupFoundDamaged,
    BackupLabelled,
    BackupPruned,
    BackupStarted,
    BackupVerificationFailed,
    BackupVerificationStarted,
    BackupVerified,
    Copy,
)
from domain.cache import CacheInvalidated
from domain.channels import EmailChannel, InboxChannel, LogChannel, WebhookChannel
from domain.decider import ERASED, Event
from domain.deliveries import (
    DeliveryAttemptFailed,
    DeliveryDied,
    DeliveryQueued,
    DeliveryRequeued,
    DeliveryStarted,
    DeliverySucceeded,
)
from domain.experiments.design import (
    Design,
    ExperimentDefined,
    ExperimentStarted,
    ExperimentStopped,
    Metric,
)
from domain.experiments.observations import (
    Conversion,
    ExperimentConverted,
    ExperimentExposed,
    Exposure,
)
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
from domain.inbox import InboxItemAdded, InboxItemRead
from domain.invitations import InvitationAccepted, InvitationRevoked, InvitationSent
from domain.jobs import (
    JobAttemptFailed,
    JobCancelled,
    JobDied,
    JobQueued,
    JobRequeued,
    JobStarted,
    JobSucceeded,
)
from domain.limits import LimitDefined
from domain.logs import LogRead, LogSourceChanged, LogSourceRegistered, LogSourceRemoved
from domain.mail import MailFailed, MailQueued, MailRequeued, MailSent, MailWritten
from domain.memberships import MembershipEnded, MembershipGranted
from domain.projections import (
    ProjectionPaused,
    ProjectionResumed,
    ProjectionRetried,
    ProjectionSkipped,
)
from domain.rejections import Fault
from domain.reminders import (
    Once,
    Recurring,
    ReminderCancelled,
    ReminderFired,
    ReminderRerouted,
    ReminderRescheduled,
    ReminderReworded,
    ReminderScheduled,
    ReminderSnoozed,
)
from domain.restores import (
    Parked,
    RestoreCompleted,
    RestoreFailed,
    RestoreOldDropped,
    RestoreParked,
    RestoreReleased,
    RestoreStarted,
)
from domain.retention import Retention
from domain.retries import RetryPolicy
from domain.roles import RoleDefined, RoleDeleted, RoleGiven, RoleTaken
from domain.schemas import SchemaCompatibilitySet, SchemaPublished
from domain.second_factors.events import (
    Challenge,
    PasskeyRegistered,
    PasskeyRemoved,
    PasskeyUsed,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
    TotpConfirmed,
    TotpOffered,
    TotpRemoved,
    TotpUsed,
)
from domain.service_accounts import ServiceAccountCreated, ServiceAccountDeleted
from domain.sessions import SessionEnded, SessionStarted
from domain.signing_keys import SigningKeyMade
from domain.tenants import (
    TenantCreated,
    TenantJoined,
    TenantLeft,
    TenantResumed,
    TenantSuspended,
)
from domain.tokens import TokensIssued, TokensRefreshed, TokensReused, TokensRevoked
from domain.webhooks.hooks import HookClosed, HookOpened
from domain.webhooks.receipts import (
    WebhookContinued,
    WebhookParked,
    WebhookProcessed,
    WebhookReceived,
    WebhookReplayed,
)
from domain.webhooks.refusals import WebhooksRefused
from domain.webhooks.sources import (
    Dedup,
    Scheme,
    SourceDefined,
    SourceDeleted,
    SourceDisabled,
    SourceEnabled,
    ToAction,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "events.jsonl"
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

COPY = Copy(position=7, events=7, bytes=4711, digest="ab" * 32, schema_version=4)

EXAMPLES: list[Event] = [
    AccountRegistered(email="ada@example.org", password_hash="$argon2id$hash"),
    AccountSessionsRevoked(reason="role_changed"),
    MembershipGranted(role="admin"),
    MembershipEnded(reason="left"),
    AccountSignInsFailed(minute=AT, count=7),
    AccountLockedOut(until=AT, everywhere=True),
    VerificationAsked(token_hash="t1", expires_at=AT),
    AccountVerified(),
    PasswordResetAsked(token_hash="t1", expires_at=AT),
    PasswordChanged(password_hash="$argon2id$hash", forgotten=True),
    PasswordDropped(),
    UnprovenKeyMade(key="k1"),
    PasswordRehashed(password_hash="$argon2id$hash"),
    EmailChangeAsked(email="ada@example.com", token_hash="t1", expires_at=AT),
    EmailChanged(email="ada@example.com"),
    AccountClosed(),
    AccountReopened(),
    AccountErased(keys=("a1", "address-h"), tenants=("default",), reason="requested", letter="m1"),
    AccountKeysDestroyed(keys=("a1", "address-h")),
    MailQueued(
        person="a1",
        kind="verify-address",
        to="ada@example.org",
        subject="Confirm your address",
        text="mail-token",
    ),
    MailSent(attempt=2),
    MailWritten(),
    MailFailed(attempt=1, error="timeout", status=451, retry_at=AT),
    MailRequeued(round=2),
    EmailReserved(account="a1"),
    EmailReleased(),
    SessionStarted(
        account="a1",
        token_hash="t1",
        authenticated_at=AT,
        expires_at=AT,
        methods=("pwd",),
        address="203.0.113.7",
        device=None,
        revocations=2,
    ),
    SessionEnded(account="a1", reason="signed_out"),
    TotpOffered(seed="JBSWY3DPEHPK3PXP"),
    TotpConfirmed(step=58920000),
    TotpUsed(step=58920001, challenge=Challenge(id="c1", expires_at=AT)),
    TotpRemoved(),
    RecoveryCodesIssued(hashes=["h"]),
    RecoveryCodeUsed(number=1),
    PasskeyRegistered(
        passkey="p1",
        name="Ada's phone",
        credential="Y3JlZA",
        public_key="a2V5",
        sign_count=0,
        transports=("hybrid", "internal"),
        synced=True,
        challenge=Challenge(id="c2", expires_at=AT),
    ),
    PasskeyUsed(passkey="p1", sign_count=7, challenge=Challenge(id="c3", expires_at=AT)),
    PasskeyRemoved(passkey="p1"),
    TokensIssued(
        session="s1",
        account="a1",
        refresh_hash="t1",
        expires_at=AT,
        tenant="acme",
        own_session=True,
    ),
    TokensRefreshed(refresh_hash="t2"),
    TokensReused(),
    TokensRevoked(),
    SigningKeyMade(key="k1", public_key="x", private_key="hush", made_at=AT, distrusts_others=True),
    ApiKeyIssued(
        person="a1",
        name="ci",
        holder="account/a1",
        tenant="default",
        scopes=("flags:read", "flags:write"),
        secret_hash="h",
        expires_at=AT,
    ),
    ApiKeyRevoked(holder="account/a1", tenant="default"),
    RoleDefined(permissions=("flags:read",)),
    RoleDeleted(),
    RoleGiven(holder="account/a1"),
    RoleTaken(holder="account/a1"),
    ServiceAccountCreated(name="ci", role="admin"),
    ServiceAccountDeleted(),
    TenantCreated(owner="a1"),
    TenantSuspended(reason="unpaid"),
    TenantResumed(),
    TenantJoined(tenant="acme"),
    TenantLeft(tenant="acme"),
    InvitationSent(
        person="a1",
        email="ada@example.org",
        address="t1",
        role="member",
        token_hash="t1",
        expires_at=AT,
    ),
    InvitationAccepted(account="a1"),
    InvitationRevoked(),
    OwnerKeySet(key="k1"),
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
    LimitDefined(algorithm="token_bucket", limit=10, window=60.0, scope="account"),
    CacheInvalidated(tags=("price:7", "shop")),
    ActionDefined(
        flag="beta",
        limit=None,
        input_schema={"type": "object"},
        executor=HttpTarget(url="https://example.org/", method="POST", timeout=5.0),
        headers={"x-token": "t"},
        retry=RetryPolicy(max_attempts=5, base=0.2, cap=30.0),
        schema="mail",
    ),
    JobQueued(action="mail", requester="a1", input={"to": "ada"}),
    JobStarted(attempt=1),
    JobAttemptFailed(
        attempt=1, requester="a1", error="timeout", status=504, response="no", retry_at=AT
    ),
    JobSucceeded(attempt=2, requester="a1", status=200, response="yes"),
    JobDied(attempt=2, reason="out_of_attempts"),
    JobRequeued(round=2),
    JobCancelled(),
    ProjectionPaused(reason="r"),
    ProjectionResumed(reason="r"),
    ProjectionRetried(position=9, reason="r"),
    ProjectionSkipped(version=1, position=9, reason="r"),
    SchemaPublished(number=1, document='{"maximum":1e400}', compatibility="full"),
    SchemaCompatibilitySet(compatibility="none"),
    LogSourceRegistered(
        paths=("/var/log/app/*.log",),
        format=None,
        time_zone="UTC",
        slack=60.0,
        description="app",
    ),
    LogSourceChanged(
        paths=("/var/log/app.log",),
        format="json",
        time_zone="Europe/Berlin",
        slack=0.5,
        description="",
    ),
    LogSourceRemoved(),
    LogRead(
        source="app", reader="account/a1", way="lines", minute=AT.replace(second=0, microsecond=0)
    ),
    SourceDefined(
        hook="h1",
        subject="s1",
        preset="generic",
        secrets=["whsec_hush"],
        tolerance=300.0,
        dedup=Dedup(by="header", name="x-event-id"),
        scheme=Scheme(timestamp_header="x-time"),
        target=ToAction(name="mail", input="envelope"),
        schema="orders",
    ),
    SourceDisabled(),
    SourceEnabled(),
    SourceDeleted(),
    HookOpened(tenant="default", source="shop"),
    HookClosed(),
    WebhookReceived(
        source="shop",
        subject="s1",
        preset="stripe",
        external_id="evt_1",
        secret=1,
        signed_at=AT,
        size=4,
        headers={"content-type": "application/json"},
        encoding="utf-8",
        parts=2,
        body="tr",
    ),
    WebhookContinued(subject="s1", part=2, body="ue"),
    WebhookProcessed(round=1, target="action", name="mail", job="j1"),
    WebhookParked(
        subject="s1",
        round=1,
        reason="schema",
        faults=[{"pointer": "/to", "code": "required", "detail": "to is required"}],
    ),
    WebhookReplayed(round=2),
    WebhooksRefused(minute=AT, reason="signature", earlier_minute=AT, earlier_count=7),
    ReminderScheduled(
        owner="a1",
        title="call Ada",
        body="about the engine",
        schedule=Recurring(cron="0 9 * * MON-FRI", time_zone="Europe/Berlin"),
        channel=WebhookChannel(url="https://example.org/"),
        address=None,
        secret="whsec_hush",
        retry=RetryPolicy(max_attempts=8, base=0.5, cap=60.0),
        next_at=AT,
    ),
    ReminderReworded(owner="a1", title="call Ada", body=None),
    ReminderRerouted(
        owner="a1",
        channel=EmailChannel(),
        address="ada@example.org",
        secret=None,
        retry=RetryPolicy(max_attempts=8, base=0.5, cap=60.0),
    ),
    ReminderRescheduled(schedule=Once(at=AT), next_at=AT),
    ReminderSnoozed(next_at=AT),
    ReminderCancelled(),
    ReminderFired(occurrence=1, due_at=AT, late=True, delivery="d1", next_at=None),
    DeliveryQueued(
        owner="a1",
        reminder="r1",
        occurrence=1,
        due_at=AT,
        late=False,
        title="call Ada",
        body=None,
        channel=InboxChannel(account="a1"),
        address=None,
        secret=None,
        retry=RetryPolicy(max_attempts=8, base=0.5, cap=60.0),
    ),
    DeliveryStarted(attempt=1),
    DeliveryAttemptFailed(attempt=1, error="timeout", status=504, retry_at=AT),
    DeliverySucceeded(attempt=2, status=200),
    DeliveryDied(attempt=2, reason="out_of_attempts"),
    DeliveryRequeued(
        round=2,
        owner="a1",
        channel=LogChannel(),
        address=None,
        secret=None,
        retry=RetryPolicy(max_attempts=8, base=0.5, cap=60.0),
    ),
    InboxItemAdded(
        account="a1",
        reminder="r1",
        occurrence=1,
        due_at=AT,
        late=False,
        title="call Ada",
        body=None,
    ),
    InboxItemRead(),
    RestoreStarted(version="v1", base=8, position=9, tail=12, discard_later=False, reason="r"),
    RestoreFailed(step="load", error="e"),
    RestoreCompleted(
        version="v1",
        source="i1",
        base=8,
        position=9,
        replaced="i2",
        replaced_position=13,
        kept="annals_before_1",
        parked=1,
        asked_by="account/a1",
        asked_at=AT,
        reason="r",
    ),
    RestoreParked(items=(Parked(reaction="jobs", tenant="default", stream="job/j1", position=7),)),
    RestoreReleased(
        items=(Parked(reaction="jobs", tenant="default", stream="job/j1", position=7),)
    ),
    RestoreOldDropped(database="annals_before_1"),
    BackupStarted(label="before the move", runner="worker", scheduled=False),
    BackupCompleted(copy=COPY),
    BackupFailed(reason="No space left on device"),
    BackupAdopted(label="found", copy=None),
    BackupLabelled(label="after the move"),
    BackupVerificationStarted(runner="caller"),
    BackupVerified(events=7, position=7, streams=3),
    BackupFoundDamaged(faults=("events.copy.zst chunk 0 is damaged",)),
    BackupVerificationFailed(reason="the role annals may not make databases"),
    BackupDeleted(),
    BackupPruned(),
    BackupPolicySet(
        schedule=Schedule(cron="0 3 * * *", time_zone="Europe/Berlin"),
        retention=Retention(last=3, daily=7, weekly=4, monthly=12),
    ),
    FlagUsageCounted(
        environment="live",
        until=AT,
        counts=(
            Count(flag="a", yes=7, no=2, variants={"blue": 5}),
            Count(flag="b", yes=0, no=1),
        ),
    ),
    ExperimentDefined(
        design=Design(
            flag="a",
            environment="live",
            control="red",
            variants=("red", "blue"),
            weights=(500.0, 500.0),
            metrics=(Metric(key="bought"), Metric(key="spent", kind="mean")),
            confidence=0.95,
        )
    ),
    ExperimentStarted(run=1, flag="a", environment="live", variants=("red", "blue"), at=AT),
    ExperimentStopped(run=1, at=AT),
    ExperimentExposed(
        experiment="e", run=1, exposures=(Exposure(subject="s1", variant="red", at=AT),)
    ),
    ExperimentConverted(
        experiment="e",
        conversions=(Conversion(subject="s1", metric="spent", value=9.5, at=AT),),
    ),
    NeedBegun(flags=("beta",)),
    EnvironmentDescribed(description="for customers", purpose="production"),
    EnvironmentRemoved(),
]

OLD: list[Event] = [
    FlagDefined(about=About(description="new", group="beta")),
    ActionDefined(
        flag="beta",
        limit=None,
        input_schema={"type": "object"},
        executor=HttpTarget(url="https://example.org/", method="POST", timeout=5.0),
        headers={"x-token": "t"},
        retry=RetryPolicy(max_attempts=5, base=0.2, cap=30.0),
        schema=None,
    ),
]
"""What lines of older schema versions are read as."""


class ReadableKey:
    """Seals into something that a person can compare."""

    def seal(self, plain: bytes, _context: bytes) -> str:
        return f"sealed:{plain.decode()}"

    def open(self, sealed: str, _context: bytes) -> bytes:
        return sealed.removeprefix("sealed:").encode()


class ReadableVault:
    def __init__(self) -> None:
        self.destroyed: set[str] = set()

    async def keys(self, owners: Any, **_: bool) -> dict[KeyOwner, Any]:
        return {each: None if each.kind in self.destroyed else ReadableKey() for each in owners}

    async def destroy(self, owner: KeyOwner) -> None:
        self.destroyed.add(owner.kind)


def stored(line: dict[str, Any]) -> StoredEvent:
    return StoredEvent(
        position=1,
        tenant="default",
        stream="thing/a1",
        version=1,
        id=UUID(int=1),
        type=line["type"],
        schema_version=line["schema"],
        data=line["data"].encode(),
        recorded_at=AT,
        actor="account/a1",
        correlation_id=UUID(int=2),
        causation_id=None,
        meta=b"{}",
    )


async def encode(codec: EventCodec, event: Event) -> dict[str, Any]:
    new = await codec.encode(
        event,
        id_=UUID(int=1),
        tenant="default",
        stream="thing/a1",
        actor="account/a1",
        correlation_id=UUID(int=2),
        causation_id=None,
    )
    return {"type": new.type, "schema": new.schema_version, "data": new.data.decode()}


NEWEST = {
    type_.__struct_config__.tag: type_.SCHEMA for each in DECIDERS for type_ in each.event_types()
}


def golden(*, old: bool | None = None) -> list[dict[str, Any]]:
    """All lines, or only those of older schema versions, or only those of the newest."""
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    if old is None:
        return lines
    return [line for line in lines if (line["schema"] < NEWEST.get(line["type"], 0)) == old]


async def test_events_are_written_as_they_always_were() -> None:
    codec = EventCodec(DECIDERS, ReadableVault(), UPCASTS)
    assert [await encode(codec, event) for event in EXAMPLES] == golden(old=False)


async def test_what_was_written_is_read_as_it_was_meant() -> None:
    codec = EventCodec(DECIDERS, ReadableVault(), UPCASTS)
    for old, events in ((False, EXAMPLES), (True, OLD)):
        recorded = await codec.decode([stored(line) for line in golden(old=old)])
        assert [each.event for each in recorded] == events


def test_every_event_of_every_capability_has_its_line() -> None:
    tags = {type_.__struct_config__.tag for each in DECIDERS for type_ in each.event_types()}
    assert tags == {line["type"] for line in golden()}


async def test_an_erased_persons_fields_are_erased_and_nothing_else_is() -> None:
    vault = ReadableVault()
    vault.destroyed.add("person")
    codec = EventCodec(DECIDERS, vault, UPCASTS)
    recorded = await codec.decode([stored(line) for line in golden()])
    events = {each.type: each.event for each in recorded}
    assert events["account.registered"] == AccountRegistered(email=ERASED, password_hash=ERASED)
    assert events["job.queued"].input is ERASED
    assert events["job.succeeded"].response is ERASED
    assert events["session.started"].token_hash == "t1"
    assert events["session.started"].device is None


@pytest.mark.parametrize("personal", [True, False])
async def test_a_read_surface_never_shows_a_secret(personal: bool) -> None:  # noqa: FBT001
    codec = EventCodec(DECIDERS, ReadableVault(), UPCASTS)
    events = [stored(line) for line in golden()]
    shown = json.dumps(await codec.render(events, personal=personal))
    secrets = (
        "$argon2id$hash",
        "JBSWY3DPEHPK3PXP",
        "x-token",
        "whsec_hush",
        "mail-token",
        '"t1"',
        '"h"',
    )
    for secret in secrets:
        assert secret not in shown
    assert ("ada@example.org" in shown) == personal
    assert ("203.0.113.7" in shown) == personal


async def test_of_several_people_only_those_are_shown_who_are_named() -> None:
    codec = EventCodec(DECIDERS, ReadableVault(), UPCASTS)
    [line] = [line for line in golden() if line["type"] == "mail.queued"]
    events = [stored({**line, "data": line["data"].replace('"a1"', f'"{p}"')}) for p in "xy"]
    assert [codec.person_of(each) for each in events] == ["x", "y"]
    shown = await codec.render(events, personal=True, persons=["y"])
    assert [each["to"] for each in shown] == [HIDDEN_MARK, "ada@example.org"]
    hidden = await codec.render(events, personal=False, persons=["y"])
    assert [each["to"] for each in hidden] == [HIDDEN_MARK] * 2
    assert codec.person_of(stored({"type": "mail.sent", "schema": 1, "data": "{}"})) is None
