"""A sign-in that is held up at the worst moments while a password changes."""

import asyncio
from datetime import UTC, datetime

import pytest
from typing_extensions import override

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.session_store import MemorySessionStore
from application.event_store import Append, Outcome
from application.session_store import LiveSession
from tests.support.http_platform import Api, opened_api

EMAIL, PASSWORD = "ada@example.org", "correct horse"


class Held:
    """Where the next sign-in waits."""

    def __init__(self) -> None:
        self.next = False
        self.there, self.go = asyncio.Event(), asyncio.Event()

    async def pass_by(self) -> None:
        if self.next:
            self.next = False
            self.there.set()
            await self.go.wait()


class HeldLog(MemoryEventStore):
    """Holds an append up that begins a session."""

    def __init__(self) -> None:
        super().__init__()
        self.held = Held()

    @override
    async def append(self, item: Append) -> Outcome:
        if any(event.type == "session.started" for write in item.writes for event in write.events):
            await self.held.pass_by()
        return await super().append(item)


class HeldSessions(MemorySessionStore):
    """Holds the word that a session has begun up."""

    def __init__(self) -> None:
        super().__init__()
        self.held = Held()

    @override
    async def put(self, session: LiveSession) -> None:
        await self.held.pass_by()
        await super().put(session)


async def changed_meanwhile(api: Api, held: Held) -> tuple[int, str]:
    """Change the password while a sign-in is held up; how that ends, and its token."""
    mine = await api.sign_in(EMAIL)
    credentials = {"email": EMAIL, "password": PASSWORD}
    held.next = True
    signing_in = asyncio.create_task(api.ask("POST", "/v1/sessions", credentials))
    await held.there.wait()
    body = {"current_password": PASSWORD, "password": "battery staple"}
    changed = await api.ask("POST", "/v1/me/password", body, token=mine)
    assert changed.status_code == 201, changed.text
    held.go.set()
    answer = await signing_in
    api.http.cookies.clear()
    sessions = await api.ask("GET", "/v1/sessions", token=changed.json()["token"])
    assert [item["current"] for item in sessions.json()["items"]] == [True]
    return answer.status_code, answer.json().get("token", "")


async def test_a_sign_in_that_decided_before_the_change_is_decided_anew() -> None:
    log = HeldLog()
    async with opened_api(store=log, sessions=MemorySessionStore(), clock=datetime.now(UTC)) as api:
        status, token = await changed_meanwhile(api, log.held)
    assert (status, token) == (401, "")


async def test_a_sign_in_that_was_recorded_before_the_change_has_ended_when_it_is_told() -> None:
    sessions = HeldSessions()
    async with opened_api(sessions=sessions, clock=datetime.now(UTC)) as api:
        status, token = await changed_meanwhile(api, sessions.held)
        assert status == 201
        answer = await api.ask("GET", "/v1/sessions/current", token=token)
        assert answer.status_code == 401


@pytest.mark.parametrize("scope", ["others", "all"])
async def test_a_revocation_ends_a_sign_in_that_nobody_was_told_of(scope: str) -> None:
    sessions = HeldSessions()
    async with opened_api(sessions=sessions, clock=datetime.now(UTC)) as api:
        mine = await api.sign_in(EMAIL)
        sessions.held.next = True
        credentials = {"email": EMAIL, "password": PASSWORD}
        signing_in = asyncio.create_task(api.ask("POST", "/v1/sessions", credentials))
        await sessions.held.there.wait()
        answer = await api.ask("POST", "/v1/sessions/revoke", {"scope": scope}, token=mine)
        assert answer.status_code == 204
        sessions.held.go.set()
        token = (await signing_in).json()["token"]
        api.http.cookies.clear()
        statuses = [
            (await api.ask("GET", "/v1/sessions/current", token=each)).status_code
            for each in (token, mine)
        ]
        assert statuses == [401, 200 if scope == "others" else 401]
