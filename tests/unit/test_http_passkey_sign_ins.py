"""Signing in with a passkey over HTTP: what it needs beside the passkey, and what counts."""

from dataclasses import dataclass, field

import pytest
from typing_extensions import override

from adapters.settings import Settings
from application.event_store import Outage
from application.lockout import Attempt, Failure
from application.session_store import LiveSession
from tests.support.authenticator import Authenticator
from tests.support.http_platform import opened_api
from tests.support.second_factors import enrolled, person
from tests.support.stand_ins import NoLockout, Sessions


@pytest.mark.parametrize(("verify", "status"), [("optional", 201), ("required", 401)])
async def test_an_account_that_is_to_be_verified_first_is_not_opened(
    verify: str, status: int
) -> None:
    settings = Settings(log_level="error", accounts_verify=verify)
    async with (
        opened_api() as before,
        opened_api(
            settings=settings, store=before.platform.store, vault=before.platform.vault
        ) as api,
    ):
        ada, phone = await person(before), Authenticator()
        await ada.register(phone)
        before.platform.clock = api.platform.clock = max(before.platform.clock, api.platform.clock)
        ada.api = api
        answer = await ada.by_passkey(phone)
        assert answer.status_code == status, answer.text
        if status == 401:
            assert answer.json()["type"] == "/problems/wrong-passkey"


@dataclass
class Endings(NoLockout):
    """How attempts have ended."""

    seen: list[str] = field(default_factory=list)

    @override
    async def failed(self, attempt: Attempt) -> Failure:
        self.seen.append("failed")
        return await super().failed(attempt)

    @override
    async def succeeded(self, attempt: Attempt) -> None:
        self.seen.append("succeeded")

    @override
    async def withdrawn(self, attempt: Attempt) -> None:
        self.seen.append("withdrawn")


class Forgetful(Sessions):
    """Sessions of a Redis that may go away between its last look-up and a session's start."""

    full = False

    @override
    async def put(self, session: LiveSession) -> None:
        if self.full:
            raise Outage("Redis has no room")
        await super().put(session)


async def test_an_outage_is_no_failure_of_a_passkey() -> None:
    lockout, sessions = Endings(), Forgetful()
    async with opened_api(lockout=lockout, sessions=sessions) as api:
        ada, phone = await person(api), Authenticator()
        await ada.register(phone)
        lockout.seen.clear()
        sessions.full = True
        assert (await ada.by_passkey(phone)).status_code == 503
        sessions.full = False
        assert (await ada.by_passkey(phone)).status_code == 201
        assert lockout.seen == ["withdrawn", "succeeded"]


async def test_an_outage_is_no_failure_of_a_second_factor() -> None:
    lockout, sessions = Endings(), Forgetful()
    async with opened_api(lockout=lockout, sessions=sessions) as api:
        ada = await person(api)
        codes = await enrolled(ada)
        problem = (await ada.sign_in()).json()
        lockout.seen.clear()
        sessions.full = True
        assert (await ada.complete(problem, recovery_code=codes[0])).status_code == 503
        assert lockout.seen == ["withdrawn"]
