"""The leaf of the log's Merkle tree: one event as bytes that can never be read another way.

An entry is the format's name followed by every column in a fixed order, each preceded by its
length (4 bytes, big endian; 0xFFFFFFFF and nothing behind it for an absent value). What is
encrypted stays so: erasing a person never breaks a proof. The leaf hash is that of RFC 6962,
section 2.1: SHA-256 over 0x00 and the entry.

    1 log id          8 bytes, signed, big endian    8 schema version  8 bytes, as 1
    2 position        as 1                           9 data            the bytes as stored
    3 tenant          UTF-8                         10 recorded at     as 1, in microseconds
    4 stream          UTF-8                                            since 1970-01-01 UTC
    5 version         as 1                          11 actor           UTF-8
    6 event id        16 bytes                      12 correlation id  16 bytes
    7 type            UTF-8                         13 causation id    16 bytes, or absent
                                                    14 meta            the bytes as stored
"""

import hashlib
from datetime import UTC, datetime, timedelta

from application.event_store import StoredEvent

FORMAT = b"annals/event/v1\n"

_ABSENT = b"\xff\xff\xff\xff"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def leaf_entry(log_id: int, event: StoredEvent) -> bytes:
    """The entry of one event, as the module's table says."""
    return FORMAT + b"".join(
        (
            _field(_integer(log_id)),
            _field(_integer(event.position)),
            _field(event.tenant.encode()),
            _field(event.stream.encode()),
            _field(_integer(event.version)),
            _field(event.id.bytes),
            _field(event.type.encode()),
            _field(_integer(event.schema_version)),
            _field(event.data),
            _field(_integer((event.recorded_at - _EPOCH) // _MICROSECOND)),
            _field(event.actor.encode()),
            _field(event.correlation_id.bytes),
            _ABSENT if event.causation_id is None else _field(event.causation_id.bytes),
            _field(event.meta),
        )
    )


def leaf_hash(log_id: int, event: StoredEvent) -> bytes:
    """The RFC 6962 leaf hash of one event: 32 bytes."""
    return hashlib.sha256(b"\x00" + leaf_entry(log_id, event)).digest()


def _field(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _integer(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)
