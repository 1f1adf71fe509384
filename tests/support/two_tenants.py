"""Two tenants of one installation, each with one of everything, and how to ask for it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from adapters.bootstrap import open_platform
from adapters.capabilities import PROJECTIONS
from adapters.http.app import build_app
from adapters.owner import seat_owner
from adapters.platform import Platform
from adapters.postgres.connect import open_pool
from adapters.postgres.projector import Projector, bound_transactions
from adapters.settings import Settings
from application.context import Context
from application.positions import Position
from domain.channels import InboxChannel, Route
from domain.deliveries import DELIVERY, QueueDelivery
from domain.inbox import INBOX_ITEM, AddItem, place
from domain.retries import RetryPolicy
from tests.support.experiments import VARIANTS
from tests.support.senders import Sender
from tests.support.stand_ins import NoLockout

PASSWORD = "correct horse battery staple"
CONDITION = {"kind": "constraint", "field": "country", "operator": "IN", "values": ["NO"]}
ON = {"kind": "enable", "environment": "default"}


@dataclass
class Room:
    """A tenant: what it is called, its owner's token, and the ids of its things by kind."""

    name: str
    marker: str
    """A word that stands in everything that the tenant has written."""
    token: str = ""
    email: str = ""
    ids: dict[str, str] = field(default_factory=dict)


@dataclass
class Installation:
    """A platform that is served and projected in this event loop."""

    platform: Platform
    app: Any
    http: httpx.AsyncClient
    owner: str

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str = "", **more: Any
    ) -> httpx.Response:
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if isinstance(body, bytes):
            answer = await self.http.request(method, path, content=body, headers=headers)
        else:
            answer = await self.http.request(method, path, json=body, headers=headers)
        self.http.cookies.clear()
        return answer

    async def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """What is answered to something that is not refused."""
        answer = await self.ask(method, path, body, **more)
        assert answer.is_success, (method, path, answer.text)
        return answer.json() if answer.content else None

    async def as_owner(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        return await self.done(method, path, body, token=self.owner, **more)

    async def caught_up(self) -> str:
        """Wait for all read models; the place up to which they are."""
        tail = await self.platform.store.tail()
        end = Position(tail.incarnation, tail.position)
        for projection in PROJECTIONS:
            await self.platform.read_models.consistent(projection, end, patience=30)
        return end.token


@asynccontextmanager
async def opened_installation(settings: Settings) -> AsyncIterator[Installation]:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        platform = await enter(open_platform(settings, lockout=NoLockout()))
        platform.follow_log()
        platform.rebuilds.ask()
        pool = await open_pool(
            settings.database_url, role="annals_projector", on_connect=bound_transactions
        )
        stack.callback(pool.terminate)
        projector = Projector(
            pool=pool,
            store=platform.store,
            codec=platform.codec,
            tail=platform.tail,
            progress=platform.progress,
            holder="a projector",
            projections=PROJECTIONS,
        )
        work = asyncio.create_task(projector.run())
        stack.callback(work.cancel)
        await seat_owner(platform, rotate=True)
        app: Any = build_app(platform)
        transport = httpx.ASGITransport(app=app)
        http = await enter(httpx.AsyncClient(transport=transport, base_url="http://annals"))
        yield Installation(platform, app, http, settings.owner_key_file.read_text().strip())


async def furnished(at: Installation, room: Room) -> Room:
    """Make the tenant, with one of everything; whatever has a text has the room's marker in it."""
    word, ids = room.name, room.ids
    room.email = ids["email"] = f"owner@{word}.example"
    credentials = {"email": room.email, "password": PASSWORD}
    ids["account"] = (await at.done("POST", "/v1/accounts", credentials))["id"]
    await at.as_owner("POST", "/v1/tenants", {"name": word, "owner": ids["account"]})
    started = await at.done("POST", "/v1/sessions", {**credentials, "tenant": word})
    room.token, ids["session"], ids["tenant"] = started["token"], started["id"], word
    for kind in ("environment", "segment", "flag", "experiment", "limit", "schema", "action"):
        ids[kind] = f"{kind}-{word}"
    for kind in ("role", "cache", "log", "hooks"):
        ids[kind] = f"{kind}-{word}"
    ids |= {"number": "1", "stream": f"flag/flag-{word}"}

    async def own(method: str, path: str, body: Any = None, **more: Any) -> Any:
        return await at.done(method, path, body, token=room.token, **more)

    await _flags(own, room)
    [logs] = [each.directory for each in at.platform.settings.log_roots if each.tenant == word]
    await _work(own, room, logs)
    await _received(at, own, room)
    await _access(own, room)
    await _delivered(at, room)
    return room


Own = Callable[..., Awaitable[Any]]
"""A request of the tenant's owner's that is not refused."""


async def _flags(own: Own, room: Room) -> None:
    ids, told = room.ids, {"description": room.marker}
    await own("PUT", f"/v1/environments/{ids['environment']}", told)
    await own("PUT", f"/v1/segments/{ids['segment']}", {**told, "condition": CONDITION})
    flag = {**told, "enabled": True, "rules": [{}], "variants": VARIANTS}
    await own("PUT", f"/v1/flags/{ids['flag']}", flag)
    await own("PUT", f"/v1/flags/{ids['flag']}", {**flag, "description": f"{room.marker}!"})
    planned = {"edits": [{"kind": "disable", "environment": "default"}], "reason": room.marker}
    ids["change"] = (await own("POST", f"/v1/flags/{ids['flag']}/changes", planned))["id"]
    metrics = [{"key": room.marker, "kind": "binary"}]
    experiment = {"flag": ids["flag"], "control": "red", "metrics": metrics}
    await own("PUT", f"/v1/experiments/{ids['experiment']}", experiment)


async def _work(own: Own, room: Room, logs: Path) -> None:
    ids = room.ids
    await own("PUT", f"/v1/limits/{ids['limit']}", {"limit": 1, "window": "60s"})
    await own("PUT", f"/v1/schemas/{ids['schema']}", {"schema": {"title": room.marker}})
    await own("PUT", f"/v1/actions/{ids['action']}", {"executor": {"kind": "log"}})
    runs = f"/v1/actions/{ids['action']}/runs"
    ids["job"] = (await own("POST", runs, {"input": {"secret": room.marker}}))["id"]
    text = {"content_type": "text/plain"}
    await own("PUT", f"/v1/cache/{ids['cache']}?tags={room.name}", room.marker.encode(), **text)
    await own("PUT", "/v1/cache/invalidate", room.marker.encode(), **text)
    await own("POST", "/v1/cache/invalidate", {"tags": ["nothing"]})
    _write_line(logs, room.marker)
    source = {"description": room.marker, "paths": [f"{logs}/*.log"]}
    await own("PUT", f"/v1/logs/{ids['log']}", source)
    remind = {"title": room.marker, "in": "30d", "channel": {"kind": "inbox"}}
    ids["reminder"] = (await own("POST", "/v1/reminders", remind))["id"]


async def _received(at: Installation, own: Own, room: Room) -> None:
    sender = Sender("standard-webhooks")
    source = {"preset": sender.preset, "secrets": [sender.secret], "target": {"kind": "log"}}
    made = await own("PUT", f"/v1/webhooks/sources/{room.ids['hooks']}", source)
    message = sender.message({"said": room.marker})
    received = await at.http.post(
        made["url"], content=message.body, headers=sender.headers(message)
    )
    assert received.is_success, received.text
    room.ids["receipt"] = received.json()["receipt"]


async def _access(own: Own, room: Room) -> None:
    ids = room.ids
    await own("PUT", f"/v1/roles/{ids['role']}", {"permissions": ["flags:read"]})
    service = {"name": room.marker, "role": "viewer"}
    ids["service"] = (await own("POST", "/v1/service-accounts", service))["id"]
    key = {"name": room.marker, "scopes": ["flags:read", "flags:evaluate"]}
    made = await own("POST", "/v1/api-keys", key)
    ids["key"], ids["key_text"] = made["id"], made["key"]
    guest = {"email": f"guest@{room.name}.example", "role": "member"}
    ids["invitation"] = (await own("POST", "/v1/invitations", guest))["id"]


def _write_line(logs: Path, message: str) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    line = {"at": "2026-01-01T00:00:00Z", "message": message}
    (logs / "app.log").write_text(json.dumps(line) + "\n")


async def told(at: Installation, room: Room, account: str) -> str:
    """Put something into the inbox that an account has in the tenant; the item's id."""
    due, item = datetime.now(UTC), str(uuid4())
    add = AddItem(
        account=account,
        reminder=str(uuid4()),
        occurrence=1,
        due_at=due,
        late=False,
        title=room.marker,
        body=None,
        at=due,
    )

    async def decide(unit: Any) -> None:
        unit.begin(INBOX_ITEM, place(account, item), add)

    context = Context(tenant=room.name, correlation_id=uuid4(), deadline=1e12)
    await at.platform.pipeline.run(decide, context)
    return item


async def _delivered(at: Installation, room: Room) -> None:
    """What a reminder that has fired leaves behind, without waiting for one."""
    due, delivery = datetime.now(UTC), str(uuid4())
    queue = QueueDelivery(
        owner=room.ids["account"],
        reminder=room.ids["reminder"],
        occurrence=1,
        due_at=due,
        late=False,
        title=room.marker,
        body=None,
        route=Route(channel=InboxChannel(account=room.ids["account"])),
        retry=RetryPolicy(),
        at=due,
    )

    async def decide(unit: Any) -> None:
        unit.begin(DELIVERY, delivery, queue)

    context = Context(tenant=room.name, correlation_id=uuid4(), deadline=1e12)
    await at.platform.pipeline.run(decide, context)
    room.ids |= {"delivery": delivery, "item": await told(at, room, room.ids["account"])}


class Live:
    """A stream of server-sent events, as a client reads it."""

    def __init__(self, at: Installation, path: str, token: str) -> None:
        self.read = b""
        self._blocks, self._gone = asyncio.Queue[bytes](), asyncio.Event()
        place, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": "GET",
            "path": place,
            "raw_path": place.encode(),
            "query_string": query.encode(),
            "headers": [(b"authorization", f"Bearer {token}".encode()), (b"host", b"annals")],
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "server": ("annals", 80),
        }
        self._task = asyncio.create_task(at.app(scope, self._receive, self._send))

    async def until(self, text: str) -> bytes:
        """All that was read, as soon as this is in it."""
        async with asyncio.timeout(30):
            while text.encode() not in self.read:
                self.read += await self._blocks.get()
        return self.read

    async def close(self) -> None:
        self._gone.set()
        await self._task

    async def _receive(self) -> Any:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self._blocks.put(message.get("body", b""))


_SEEN = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]00:00)"
)


def plain(answer: httpx.Response, *ids: str) -> tuple[int, str, tuple[str, ...]]:
    """What tells one refusal from another: its status, body and headers, but for the ids asked."""
    text = answer.text
    for id_ in sorted(ids, key=len, reverse=True):
        text = text.replace(id_, "<id>")
    told = {name for name in answer.headers if name not in {"correlation-id", "content-length"}}
    return answer.status_code, _SEEN.sub("<any>", text), tuple(sorted(told))
