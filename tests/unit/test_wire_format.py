"""The log's format, guarded as data: one golden line per event tag.

What is in a log stays there for ever. So a change of these lines is an upcast with a new schema
version, or a new tag. Only a field with a default may join a line that is there already: what was
written without it is read with the default.
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.capabilities import DECIDERS, UPCASTS
from application.codec import HIDDEN_MARK, EventCodec
from application.event_store import StoredEvent
from application.vault import KeyOwner
from domain.accounts import AccountRegistered
from domain.actions import ActionDefined, HttpTarget
from domain.decider import ERASED, Event
from domain.flags.events import FlagDefined
from domain.flags.state import About
from domain.retries import RetryPolicy
from tests.golden.examples import EXAMPLES
from tests.golden.examples.moment import AT

GOLDEN = Path(__file__).parents[1] / "golden" / "events.jsonl"

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
    """All lines, or only those of older schema versions, or only those of the newest, by type."""
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    lines.sort(key=lambda line: str(line["type"]))
    if old is None:
        return lines
    return [line for line in lines if (line["schema"] < NEWEST.get(line["type"], 0)) == old]


def by_type(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: str(event.__struct_config__.tag))


async def test_events_are_written_as_they_always_were() -> None:
    codec = EventCodec(DECIDERS, ReadableVault(), UPCASTS)
    assert [await encode(codec, event) for event in by_type(EXAMPLES)] == golden(old=False)


async def test_what_was_written_is_read_as_it_was_meant() -> None:
    codec = EventCodec(DECIDERS, ReadableVault(), UPCASTS)
    for old, events in ((False, EXAMPLES), (True, OLD)):
        recorded = await codec.decode([stored(line) for line in golden(old=old)])
        assert [each.event for each in recorded] == by_type(events)


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
