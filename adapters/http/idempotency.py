"""`Idempotency-Key` on the wire, and answers as they are kept under a key."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from adapters.http.answers import Answer, Header
from adapters.http.calls import Call
from adapters.http.platform import KeyCodec
from application.context import ANONYMOUS, Idempotency
from domain.rejections import Fault, Invalid, Rejection

KEY_PATTERN = '^(?!""$)([!-~]([ -~]{0,253}[!-~])?|"[!-~]([ -~]{0,253}[!-~])?")$'
"""As it may be written, with the quotes of a structured field or without."""

_KEY = re.compile(rb"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An answer as it is kept, sealed, to be given again."""

    status: int
    headers: tuple[Header, ...]
    media_type: bytes
    body: bytes

    @classmethod
    def of(cls, answer: Answer) -> "Kept":
        """Keep this answer."""
        return cls(answer.status, answer.headers, answer.media_type, answer.body)

    def answer(self) -> Answer:
        """The answer, again."""
        return Answer(self.status, self.body, self.headers, media_type=self.media_type)


def idempotency_key(headers: dict[bytes, bytes]) -> str | None:
    """The caller's key; the quotes of a structured-field string do not belong to it.

    Raises:
        Invalid: when it is empty, longer than 255 characters or not printable ASCII.
    """
    given = headers.get(b"idempotency-key")
    if given is None:
        return None
    given = given.strip()
    if len(given) > 1 and given.startswith(b'"') and given.endswith(b'"'):
        given = given[1:-1]
    if not _KEY.fullmatch(given):
        detail = "Idempotency-Key must be 1 to 255 printable ASCII characters"
        raise Invalid(Fault(pointer="", code="idempotency-key", detail=detail))
    return given.decode("ascii")


def idempotency_of(
    call: Call, key: str, keep: Callable[[Any | Rejection, int], Kept]
) -> Idempotency:
    """The promise that a key makes, scoped to the caller (of anonymous calls, to the route).

    Of anonymous calls only what was carried out is kept: a refusal is for free, to them.
    """
    codec = call.platform.idempotency
    actor = call.principal.actor
    anonymous = actor == ANONYMOUS
    credential = f"{ANONYMOUS} {call.operation}" if anonymous else actor
    return Idempotency(
        digest=codec.digest(call.tenant, credential, key),
        fingerprint=codec.fingerprint(call.scope["method"], _route(call), call.body),
        render=lambda answer, version: msgspec.msgpack.encode(keep(answer, version)),
        seal=lambda plain: codec.seal(key, plain),
        deeds_only=anonymous,
    )


def _route(call: Call) -> str:
    """What is asked for, and in which tenant, unless the caller works there and the key says so."""
    path, query = call.scope["path"], call.scope["query_string"].decode("latin-1")
    route = f"{path}?{query}" if query else path
    named = call.headers.get(b"annals-tenant", b"").decode("latin-1")
    return route if named in ("", call.tenant) else f"{named} {route}"


def open_kept(codec: KeyCodec, key: str, sealed: bytes) -> Kept:
    """The answer that was kept under a key."""
    return msgspec.msgpack.decode(codec.open(key, sealed), type=Kept)
