"""Sign-ins beside what ends sessions, in two processes: nothing is left behind."""

import asyncio
import random

import pytest

from tests.support.people import PASSWORD, Process, Processes

ROUNDS = 12


@pytest.fixture
async def two(processes: Processes) -> tuple[Process, Process]:
    return await processes.start(), await processes.start()


async def later(seconds: float, process: Process, email: str, password: str) -> str:
    await asyncio.sleep(seconds)
    return await process.sign_in(email, password)


async def test_a_password_change_leaves_no_session_of_the_old_password(
    two: tuple[Process, Process],
) -> None:
    chance, changed = random.Random(5), 0
    for number in range(ROUNDS):
        email, new = f"ada-{number}@example.org", f"{PASSWORD} {number}"
        await two[0].register(email)
        mine = await two[0].sign_in(email)
        racing = [
            asyncio.create_task(later(chance.uniform(0, 0.03), chance.choice(two), email, PASSWORD))
            for _ in range(8)
        ]
        await asyncio.sleep(chance.uniform(0, 0.02))
        body = {"current_password": PASSWORD, "password": new}
        answer = await chance.choice(two).ask("POST", "/v1/me/password", body, token=mine)
        assert answer.status_code == 201, answer.text
        tokens = [mine, *filter(None, await asyncio.gather(*racing))]
        changed += len(tokens)
        for process in two:
            assert [await process.opens(token) for token in tokens] == [False] * len(tokens)
            assert await process.opens(answer.json()["token"])
        assert await two[1].sign_in(email, new)
    assert changed > ROUNDS, "no sign-in came through beside a change"


async def test_what_signs_in_beside_a_revocation_comes_before_or_after_it(
    two: tuple[Process, Process],
) -> None:
    """What the log holds behind the revocation is open, and nothing else is."""
    chance = random.Random(6)
    for number in range(ROUNDS):
        email = f"bob-{number}@example.org"
        account = await two[0].register(email)
        mine = await two[0].sign_in(email)
        racing = [
            asyncio.create_task(later(chance.uniform(0, 0.03), chance.choice(two), email, PASSWORD))
            for _ in range(8)
        ]
        await asyncio.sleep(chance.uniform(0, 0.02))
        revoke = {"scope": "others"}
        answer = await two[0].ask("POST", "/v1/sessions/revoke", revoke, token=mine)
        assert answer.status_code == 204, answer.text
        tokens = await asyncio.gather(*racing)
        mine_now = {each.session.id for each in await two[1].platform.sessions.of_account(account)}
        assert mine_now == await _recorded(two[0], account)
        assert await two[1].opens(mine)
        assert sum([await two[1].opens(token) for token in tokens]) == len(mine_now) - 1


async def _recorded(process: Process, account: str) -> set[str]:
    """The sessions that count, as the log alone tells."""
    platform = process.platform
    found: set[str] = set()
    for stored in await platform.store.read_log(after=0, limit=5000):
        if stored.type not in ("session.started", "session.ended", "account.sessions_revoked"):
            continue
        [recorded] = await platform.codec.decode([stored])
        if recorded.event.__class__.__name__ == "AccountSessionsRevoked":
            if recorded.stream_id == account:
                found &= {recorded.event.kept}
        elif recorded.event.account == account:
            started = recorded.event.__class__.__name__ == "SessionStarted"
            found = found | {recorded.stream_id} if started else found - {recorded.stream_id}
    return found
