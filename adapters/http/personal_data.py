"""Personal data over HTTP: everything about a person, and its end.

People ask for theirs themselves. Who runs the installation asks for those who cannot sign in, or
who have written a letter (GDPR, Art. 15 and 17).
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any, Literal

import msgspec

from adapters.http.answers import JSON, Answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.cookies import drop_session_cookie
from adapters.http.moments import seen_here
from adapters.http.names import Typed, known_id
from adapters.http.operations import SIGNED_IN, operation
from application.memberships import STRANGER
from application.personal_data import Erase, EraseOwn, Person
from application.personal_export import OthersBegin, PersonalExport, ThingBegins
from application.positions import Position
from domain.accounts import ACCOUNT, Account, NoSuchAccount, known_account

_CHUNK = 64 * 1024  # bytes sent at once, more or less


class EraseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password, so that nobody is erased by whoever finds a session open."""

    current_password: Typed


class ErasureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why: the person has asked for it; or their data is unneeded, unlawful, or must go by law.

    It is no text of one's own: what the log says of an erased person must not name them.
    """

    reason: Literal["requested", "unneeded", "unlawful", "obliged"]


class MembershipView(msgspec.Struct, frozen=True, kw_only=True):
    """What the account is in a tenant."""

    tenant: str
    role: str


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """An event; what is somebody else's in it, and what opens something, is hidden."""

    position: int
    tenant: str
    stream: str
    type: str
    data: dict[str, Any]
    recorded_at: datetime
    actor: str


class ThingView(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the person's (a session, a letter, a reminder, ...) with its history."""

    tenant: str
    category: str
    id: str
    events: list[EventView]


class ExportView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a person, as the log has it at `position`.

    `others` are events that name the person and happened to what is not theirs alone.
    """

    id: str
    email: str | None
    exported_at: datetime
    position: str
    memberships: list[MembershipView]
    things: list[ThingView]
    others: list[EventView]


@operation(
    "GET", "/v1/me/export", needs=SIGNED_IN, answers={200: ExportView}, consistent=True, fresh=True
)
async def export_me(call: Call) -> None:
    """Everything about the caller, as a file: things with their histories, sent as it is read."""
    await _export(call, call.person, counted=call.person)


@operation(
    "GET",
    "/v1/accounts/{id}/export",
    needs="accounts:export",
    answers={200: ExportView},
    consistent=True,
    fresh=True,
)
async def export_account(call: Call) -> None:
    """Everything about the person of an account, open or closed, in all tenants: as they get it."""
    id_ = known_id(call.params["id"], _missing)
    await _export(call, id_, counted=f"{call.principal.actor} {id_}")


def _missing(_account: str) -> NoSuchAccount:
    return NoSuchAccount()


async def _export(call: Call, id_: str, *, counted: str) -> None:
    """Send it, unless there were too many that are `counted` together."""
    platform = call.platform
    await seen_here(call)
    account = known_account(await platform.current.get(ACCOUNT, id_))
    if account is None:
        raise NoSuchAccount
    await platform.services.export_limit(counted)
    person = await platform.services.people(id_)
    headers = [
        (b"content-type", JSON),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-disposition", b'attachment; filename="personal-data.json"'),
        (b"correlation-id", str(call.correlation_id).encode()),
    ]
    head = await _head(call, id_, account, person)
    export = PersonalExport(platform.store, platform.codec, platform.history)
    await call.send({"type": "http.response.start", "status": 200, "headers": headers})
    if call.scope["method"] != "HEAD":
        parts = _parts(export, person, upto=head[1])
        async with aclosing(_chunks(head[0], parts)) as chunks:
            async for chunk in chunks:
                await call.send({"type": "http.response.body", "body": chunk, "more_body": True})
    await call.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _head(call: Call, id_: str, account: Account, person: Person) -> tuple[bytes, int]:
    """All but the events, without the closing brace; and the position up to which these go."""
    platform = call.platform
    tail = await platform.store.tail()
    standings = [(tenant, await platform.standings(id_, tenant)) for tenant in person.tenants]
    head = {
        "id": id_,
        "email": account.email if isinstance(account.email, str) else None,
        "exported_at": platform.now(),
        "position": Position(tail.incarnation, tail.position).token,
        "memberships": [
            MembershipView(tenant=tenant, role=standing.role)
            for tenant, standing in standings
            if standing is not STRANGER
        ],
    }
    return msgspec.json.encode(head)[:-1], tail.position


async def _parts(export: PersonalExport, person: Person, *, upto: int) -> AsyncIterator[bytes]:
    """The rest of the document, piece by piece."""
    yield b',"things":['
    first_thing = first_event = True
    async for part in export(person, upto=upto):
        match part:
            case ThingBegins():
                begin = msgspec.json.encode(part)[:-1] + b',"events":['
                yield begin if first_thing else b"]}," + begin
                first_thing, first_event = False, True
            case OthersBegin():
                yield (b"" if first_thing else b"]}") + b'],"others":['
                first_event = True
            case _:
                event = msgspec.json.encode(part)
                yield event if first_event else b"," + event
                first_event = False
    yield b"]}"


async def _chunks(head: bytes, parts: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Pieces taken together, so that a small one is not sent alone."""
    gathered = bytearray(head)
    async for part in parts:
        gathered += part
        if len(gathered) >= _CHUNK:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


@operation(
    "DELETE",
    "/v1/me",
    needs=SIGNED_IN,
    body=EraseBody,
    answers={204: None},
    fresh=True,
)
async def erase_me(call: Call, body: EraseBody) -> Answer:
    """Erase the caller for good: nothing that tells who they were can be read any more."""
    command = EraseOwn(account=call.person, password=body.current_password, address=call.address)
    gone = Answer(204, headers=drop_session_cookie(call))
    return await execute(call, command, lambda _result, _version: gone)


@operation(
    "DELETE",
    "/v1/accounts/{id}",
    needs="accounts:erase",
    body=ErasureBody,
    answers={204: None},
    conditional=True,
    fresh=True,
)
async def erase_account(call: Call, body: ErasureBody) -> Answer:
    """Erase the person of an account for good, be it open or closed; twice is as once."""
    id_ = known_id(call.params["id"], _missing)
    command = Erase(account=id_, reason=body.reason)
    return await execute(call, command, no_content)


OPERATIONS = (export_me, erase_me, export_account, erase_account)
