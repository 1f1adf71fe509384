"""Small items for the log: what a test says about an append, and nothing else."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from application.event_store import (
    Append,
    Claim,
    EffectId,
    Guard,
    Key,
    NewEvent,
    Settlement,
    Write,
)

TENANT = "default"


def event(data: bytes = b'{"n":1}', *, type_: str = "thing.happened", **fields: object) -> NewEvent:
    return NewEvent(
        **{
            "id": uuid4(),
            "type": type_,
            "schema_version": 1,
            "data": data,
            "actor": "account/1",
            "correlation_id": uuid4(),
            **fields,
        }  # type: ignore[arg-type]
    )


def write(stream: str, expected: int = 0, *, count: int = 1, tenant: str = TENANT) -> Write:
    events = tuple(event() for _ in range(count))
    return Write(tenant=tenant, stream=stream, expected=expected, events=events)


def guard(stream: str, expected: int) -> Guard:
    return Guard(tenant=TENANT, stream=stream, expected=expected)


def append(stream: str, expected: int = 0, *, count: int = 1) -> Append:
    return Append(writes=(write(stream, expected, count=count),))


def key(name: str = "k", response: bytes = b"answer", fingerprint: bytes = b"request") -> Key:
    return Key(tenant=TENANT, digest=name.encode(), fingerprint=fingerprint, response=response)


def effect(position: int = 1, reaction: str = "ring") -> EffectId:
    return EffectId(tenant=TENANT, reaction=reaction, position=position)


def claim(attempt: int = 1, *, of: EffectId | None = None, lease: float = 60) -> Claim:
    until = datetime.now(UTC) + timedelta(seconds=lease)
    return Claim(effect=of or effect(), attempt=attempt, lease_until=until)


def settlement(
    attempt: int = 1, *, of: EffectId | None = None, retry_in: float | None = None
) -> Settlement:
    retry_at = None if retry_in is None else datetime.now(UTC) + timedelta(seconds=retry_in)
    return Settlement(effect=of or effect(), attempt=attempt, retry_at=retry_at)
