"""What is decided about a version of the backup."""

from datetime import UTC, datetime

import pytest
from hypothesis import given as having
from hypothesis import strategies as st

from domain.backups import (
    BACKUP,
    DELETED,
    RUNNING,
    AdoptBackup,
    Backup,
    BackupAdopted,
    BackupCommand,
    BackupCompleted,
    BackupDeleted,
    BackupEvent,
    BackupFailed,
    BackupFoundDamaged,
    BackupIsRunning,
    BackupLabelled,
    BackupNotCompleted,
    BackupPruned,
    BackupStarted,
    BackupVerificationFailed,
    BackupVerificationStarted,
    BackupVerified,
    BackupVersionTaken,
    CompleteBackup,
    Copy,
    DeleteBackup,
    FailBackup,
    FailVerification,
    LabelBackup,
    NoSuchBackup,
    PassVerification,
    PruneBackup,
    ReportDamage,
    StartBackup,
    StartVerification,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
V = "01a1fe46-e5a6-77e7-96b6-ac83c2f05d6b"
COPY = Copy(position=7, events=7, bytes=100, digest="ab", schema_version=4)
STARTED = BackupStarted(label="mine", runner="worker", scheduled=False)
COMPLETED = BackupCompleted(copy=COPY)
FAILED = BackupFailed(reason="No space left on device")
LOOKED_AT = BackupVerificationStarted(runner="worker")
VERIFIED = BackupVerified(events=7, position=7, streams=2)
DAMAGED = BackupFoundDamaged(faults=("events.copy.zst chunk 0",))

start = StartBackup(version=V, label="mine", at=AT)
complete = CompleteBackup(version=V, copy=COPY, at=AT)
fail = FailBackup(version=V, reason="No space left on device", at=AT)
adopt = AdoptBackup(version=V, label="found", copy=COPY, at=AT)
label = LabelBackup(version=V, label="other", at=AT)
verify = StartVerification(version=V, at=AT)
passed = PassVerification(version=V, events=7, position=7, streams=2, at=AT)
damaged = ReportDamage(version=V, faults=DAMAGED.faults, at=AT)
unknown = FailVerification(version=V, reason="no room", at=AT)
delete = DeleteBackup(version=V, at=AT)
prune = PruneBackup(version=V, at=AT)

ADOPTED = BackupAdopted(label="found", copy=COPY)
EVENTS: list[BackupEvent] = [
    STARTED, COMPLETED, FAILED, ADOPTED, BackupLabelled(label="x"), LOOKED_AT, VERIFIED, DAMAGED,
    BackupVerificationFailed(reason="no room"), BackupDeleted(), BackupPruned(),
]  # fmt: skip
COMMANDS: list[BackupCommand] = [
    start, complete, fail, adopt, label, verify, passed, damaged, unknown, delete, prune,
]  # fmt: skip


def test_a_backup_is_started() -> None:
    given(BACKUP).when(start).then(STARTED)


def test_its_version_can_be_used_once() -> None:
    given(BACKUP, STARTED).when(start).refused(BackupVersionTaken)


def test_it_ends_once_and_as_it_ended_first() -> None:
    given(BACKUP, STARTED).when(complete).then(COMPLETED)
    given(BACKUP, STARTED).when(fail).then(FAILED)
    given(BACKUP, STARTED, COMPLETED).when(fail).then()
    given(BACKUP, STARTED, FAILED).when(complete).then()


def test_what_was_never_started_is_not_known() -> None:
    for command in (complete, fail, label, verify, passed, damaged, unknown, delete, prune):
        given(BACKUP).when(command).refused(NoSuchBackup)


def test_a_version_that_the_log_does_not_know_is_adopted() -> None:
    given(BACKUP).when(adopt).then(ADOPTED)
    given(BACKUP, ADOPTED).when(adopt).then()
    given(BACKUP, ADOPTED).when(verify).then(LOOKED_AT)


def test_a_failed_version_that_is_there_after_all_is_adopted() -> None:
    given(BACKUP, STARTED, FAILED).when(adopt).then(ADOPTED)


def test_what_was_let_go_is_not_adopted_again() -> None:
    given(BACKUP, ADOPTED, BackupDeleted()).when(adopt).then()


def test_a_label_is_changed() -> None:
    given(BACKUP, STARTED, COMPLETED).when(label).then(BackupLabelled(label="other"))
    given(BACKUP, STARTED, COMPLETED, BackupLabelled(label="other")).when(label).then()


def test_only_a_completed_version_is_labelled_or_looked_at() -> None:
    for command in (label, verify):
        given(BACKUP, STARTED).when(command).refused(BackupNotCompleted)
        given(BACKUP, STARTED, FAILED).when(command).refused(BackupNotCompleted)
        given(BACKUP, ADOPTED, BackupDeleted()).when(command).refused(NoSuchBackup)


def test_one_look_at_a_time() -> None:
    given(BACKUP, ADOPTED).when(verify).then(LOOKED_AT)
    given(BACKUP, ADOPTED, LOOKED_AT).when(verify).then()
    given(BACKUP, ADOPTED, LOOKED_AT, VERIFIED).when(verify).then(LOOKED_AT)


def test_a_look_ends_with_a_verdict_or_without() -> None:
    given(BACKUP, ADOPTED, LOOKED_AT).when(passed).then(VERIFIED)
    given(BACKUP, ADOPTED, LOOKED_AT).when(damaged).then(DAMAGED)
    given(BACKUP, ADOPTED, LOOKED_AT).when(unknown).then(BackupVerificationFailed(reason="no room"))
    for command in (passed, damaged, unknown):
        given(BACKUP, ADOPTED).when(command).then()
        given(BACKUP, ADOPTED, LOOKED_AT, VERIFIED).when(command).then()


def test_a_version_is_let_go_once() -> None:
    given(BACKUP, ADOPTED).when(delete).then(BackupDeleted())
    given(BACKUP, ADOPTED).when(prune).then(BackupPruned())
    given(BACKUP, STARTED, FAILED).when(delete).then(BackupDeleted())
    given(BACKUP, ADOPTED, BackupPruned()).when(delete).then()


def test_what_is_being_made_is_not_let_go() -> None:
    given(BACKUP, STARTED).when(delete).refused(BackupIsRunning)
    given(BACKUP, STARTED).when(prune).refused(BackupIsRunning)


@having(st.lists(st.sampled_from(EVENTS)))
def test_any_events_in_any_order_fold(events: list[BackupEvent]) -> None:
    BACKUP.fold(events)


@having(st.lists(st.sampled_from(COMMANDS), max_size=12))
def test_whatever_is_asked_a_version_that_went_never_comes_back(
    commands: list[BackupCommand],
) -> None:
    state, gone = BACKUP.initial, False
    for command in commands:
        try:
            state = BACKUP.fold(BACKUP.decide(state, command), state)
        except (NoSuchBackup, BackupVersionTaken, BackupNotCompleted, BackupIsRunning):
            continue
        if isinstance(state, Backup):
            assert not (gone and state.phase != DELETED)
            gone = state.phase == DELETED
            assert (state.copy is None) or state.phase != RUNNING


@pytest.mark.parametrize("command", [complete, fail, adopt, label, verify, delete, prune])
def test_asking_again_changes_nothing(command: BackupCommand) -> None:
    history = [STARTED] if command in (complete, fail) else [ADOPTED]
    state = BACKUP.fold(history)
    state = BACKUP.fold(BACKUP.decide(state, command), state)
    assert BACKUP.decide(state, command) == []
