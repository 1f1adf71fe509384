"""The Merkle leaf never changes: proofs that others keep depend on every byte of it."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from application.event_store import StoredEvent
from application.integrity import leaf_entry, leaf_hash

EVENT = StoredEvent(
    position=258,
    tenant="default",
    stream="flag/dark-mode",
    version=3,
    id=UUID("01890a5d-ac96-774b-bcce-b302099a8057"),
    type="flag.enabled",
    schema_version=2,
    data='{"environment": "défaut"}'.encode(),
    recorded_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    actor="account/1",
    correlation_id=UUID("01890a5d-ac96-774b-bcce-b302099a8058"),
    causation_id=None,
    meta=b"{}",
)

ENTRY = (
    b"annals/event/v1\n"
    b"\x00\x00\x00\x08" + b"\x00\x00\x00\x00\x00\x00\x00\x01"
    b"\x00\x00\x00\x08" + b"\x00\x00\x00\x00\x00\x00\x01\x02"
    b"\x00\x00\x00\x07" + b"default"
    b"\x00\x00\x00\x0e" + b"flag/dark-mode"
    b"\x00\x00\x00\x08" + b"\x00\x00\x00\x00\x00\x00\x00\x03"
    b"\x00\x00\x00\x10" + bytes.fromhex("01890a5dac96774bbcceb302099a8057") +
    b"\x00\x00\x00\x0c" + b"flag.enabled"
    b"\x00\x00\x00\x08" + b"\x00\x00\x00\x00\x00\x00\x00\x02"
    b"\x00\x00\x00\x1a" + '{"environment": "défaut"}'.encode() +
    b"\x00\x00\x00\x08" + bytes.fromhex("0006475ef6574f35") +
    b"\x00\x00\x00\x09" + b"account/1"
    b"\x00\x00\x00\x10" + bytes.fromhex("01890a5dac96774bbcceb302099a8058") +
    b"\xff\xff\xff\xff"
    b"\x00\x00\x00\x02" + b"{}"
)  # fmt: skip


def test_the_entry_is_the_golden_one() -> None:
    assert leaf_entry(1, EVENT) == ENTRY


def test_the_hash_is_that_of_rfc_6962() -> None:
    assert leaf_hash(1, EVENT) == hashlib.sha256(b"\x00" + ENTRY).digest()
    assert leaf_hash(1, EVENT).hex() == (
        "3d03c1916c66df5306fae22f66bfd63da7fdde1ed42f2b53aea804a5815da92c"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"position": 259},
        {"tenant": "defaultf", "stream": "lag/dark-mode"},
        {"version": 4},
        {"id": EVENT.correlation_id},
        {"type": "flag.disabled"},
        {"schema_version": 1},
        {"data": EVENT.data + b" "},
        {"recorded_at": EVENT.recorded_at.replace(microsecond=678902)},
        {"actor": "account/2"},
        {"correlation_id": EVENT.id},
        {"causation_id": EVENT.id},
        {"meta": b"{ }"},
    ],
)
def test_every_column_is_in_the_leaf(change: dict[str, object]) -> None:
    assert leaf_hash(1, msgspec.structs.replace(EVENT, **change)) != leaf_hash(1, EVENT)
    assert leaf_hash(2, EVENT) != leaf_hash(1, EVENT)
