"""One batch on the wire: items to the arrays of `annals.append`, its answer back to outcomes."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from application.event_store import (
    Append,
    Claim,
    EffectTaken,
    KeyFound,
    NewEvent,
    Outcome,
    Settlement,
    Stored,
    StreamName,
    VersionMismatch,
)

APPEND = "SELECT * FROM annals.append($1, $2, $3, $4, $5, $6, $7, $8, $9)"

FOLLOWS, BEGINS, BEGINS_KNOWN = 0, 1, 2
"""What an event is in its write (`annals.new_event.head`)."""

Row = tuple[object, ...]


_ITEM_BYTES, _EVENT_BYTES = 256, 200  # about what an item and an event take besides their JSON


class Entry:
    """An item in the queue, with who waits for it."""

    __slots__ = ("answer", "item", "names", "since", "size")

    def __init__(self, item: Append, answer: "asyncio.Future[Outcome]", since: float) -> None:
        """`since` is when it came, by the event loop's clock in seconds."""
        self.item = item
        self.answer = answer
        self.since = since
        self.names = _names(item)
        self.size = _ITEM_BYTES
        for write in item.writes:
            for event in write.events:
                self.size += _EVENT_BYTES + len(event.data) + len(event.meta)

    def fail(self, error: Exception) -> None:
        """Tell the caller, if it still waits, that there is no outcome."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def resolve(self, outcome: Outcome) -> None:
        """Tell the caller, if it still waits."""
        if not self.answer.done():
            self.answer.set_result(outcome)


def _names(item: Append) -> list[object]:
    """What no two items of one batch may share: streams, a key, an effect."""
    names: list[object] = [(write.tenant, write.stream) for write in item.writes]
    if item.guards:
        names += [(guard.tenant, guard.stream) for guard in item.guards]
    if item.key is not None:
        names.append((item.key.tenant, item.key.digest))
    for mark in (item.claim, item.settlement):
        if mark is not None:
            names.append((mark.effect.reaction, mark.effect.position))
    return names


def arguments(
    entries: Sequence[Entry],
    *,
    log_id: int,
    incarnation: UUID,
    tail: int,
    versions: Mapping[StreamName, int],
) -> tuple[object, ...]:
    """The parameters of `annals.append`; `versions` hold while the log ends at `tail`."""
    all_known = True
    events: list[Row] = []
    guards: list[Row] = []
    keys: list[Row] = []
    claims: list[Row] = []
    settlements: list[Row] = []
    for number, entry in enumerate(entries):
        item = entry.item
        for write in item.writes:
            tenant, stream, expected = write.tenant, write.stream, write.expected
            head = BEGINS_KNOWN
            if versions.get((tenant, stream)) != expected:
                head, all_known = BEGINS, False
            for version, event in enumerate(write.events, expected + 1):
                events.append((number, head, tenant, stream, version, *_row(event)))
                head = FOLLOWS
        for guard in item.guards:
            guards.append(  # noqa: PERF401 - as the others
                (number, guard.tenant, guard.stream, guard.expected)
            )
        if item.key is not None:
            key = item.key
            keys.append(
                (number, key.tenant, key.digest, key.fingerprint, key.response, len(events))
            )
        if item.claim is not None:
            claims.append((number, *_mark(item.claim), item.claim.lease_until))
        if item.settlement is not None:
            settlements.append((number, *_mark(item.settlement), item.settlement.retry_at))
    return log_id, incarnation, tail, all_known, events, guards, keys, claims, settlements


def _row(event: NewEvent) -> Row:
    return (
        event.id,
        event.type,
        event.schema_version,
        event.data,
        event.actor,
        event.correlation_id,
        event.causation_id,
        event.meta,
    )


def _mark(mark: Claim | Settlement) -> tuple[str, str, int, int]:
    return mark.effect.tenant, mark.effect.reaction, mark.effect.position, mark.attempt


def outcomes(
    entries: Sequence[Entry], answer: Mapping[str, Any], incarnation: UUID
) -> list[Outcome]:
    """What became of each item, from the row that `annals.append` answered with."""
    refused = _refused(entries, answer, incarnation)
    recorded_at = answer["recorded_at"]
    last = answer["first"] - 1
    result: list[Outcome] = []
    for number, entry in enumerate(entries):
        if number in refused:
            result.append(refused[number])
            continue
        first = last + 1
        for write in entry.item.writes:
            last += len(write.events)
        result.append(
            Stored(incarnation=incarnation, first=first, last=last, recorded_at=recorded_at)
        )
    return result


def _refused(
    entries: Sequence[Entry], answer: Mapping[str, Any], incarnation: UUID
) -> dict[int, Outcome]:
    """The outcomes of the items that were not recorded now; the later kinds override."""
    refused: dict[int, Outcome] = {}
    for number, tenant, stream, expected, actual in _rows(
        answer, "stale_item", "stale_tenant", "stale_stream", "stale_expected", "stale_actual"
    ):
        refused[number] = VersionMismatch(
            tenant=tenant, stream=stream, expected=expected, actual=actual
        )
    for number in answer["taken_item"] or ():
        item = entries[number].item
        mark = item.claim or item.settlement
        assert mark is not None  # noqa: S101 - only such an item can be taken
        refused[number] = EffectTaken(effect=mark.effect, attempt=mark.attempt)
    refused.update(_found(entries, answer, incarnation))
    for number, first, recorded_at in _rows(answer, "settled_item", "settled_first", "settled_at"):
        count = sum(len(write.events) for write in entries[number].item.writes)
        refused[number] = Stored(
            incarnation=incarnation, first=first, last=first + count - 1, recorded_at=recorded_at
        )
    return refused


def _found(
    entries: Sequence[Entry], answer: Mapping[str, Any], incarnation: UUID
) -> Iterable[tuple[int, Outcome]]:
    """Keys that were there; one with this very answer is this item's, from an earlier try."""
    for number, fingerprint, response, last, created_at in _rows(
        answer, "found_item", "found_fingerprint", "found_response", "found_last", "found_at"
    ):
        item = entries[number].item
        if not item.writes and item.key is not None and item.key.response == response:
            yield (
                number,
                Stored(incarnation=incarnation, first=last + 1, last=last, recorded_at=created_at),
            )
        else:
            yield (
                number,
                KeyFound(
                    incarnation=incarnation, fingerprint=fingerprint, response=response, last=last
                ),
            )


def _rows(answer: Mapping[str, Any], *columns: str) -> Iterable[tuple[Any, ...]]:
    """Rows from columns that are arrays of one length, or all null."""
    return zip(*(answer[column] or () for column in columns), strict=True)
