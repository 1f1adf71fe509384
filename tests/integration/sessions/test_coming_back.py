"""Sessions whose store was lost, and who was signed in when."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.redis.client import RedisClient
from application.context import Context
from application.memberships import GrantRole
from domain.access import PERMISSIONS
from tests.support.commands import Installation
from tests.support.people import Process, Processes

IDLE = timedelta(hours=1)


@pytest.fixture
async def api(processes: Processes) -> Process:
    return await processes.start()


async def test_what_was_not_idle_for_too_long_comes_back(
    processes: Processes, api: Process, redis: RedisClient, installation: Installation
) -> None:
    await api.register("ada@example.org")
    used, unused = [await api.sign_in("ada@example.org") for _ in range(2)]
    for _ in range(3):
        processes.ahead += IDLE * 0.6
        assert await api.opens(used)
    await api.platform.last_seen.write()
    installation.caught_up()
    processes.ahead += IDLE * 0.5
    await redis.execute("FLUSHDB")
    other = await processes.start()
    for process in (api, other):
        assert [await process.opens(token) for token in (used, unused)] == [True, False]
    for _ in range(2):
        processes.ahead += IDLE * 0.9
        assert await api.opens(used)
    api.platform.last_seen._gathered.clear()  # as if it were killed before it has recorded that
    await redis.execute("FLUSHDB")
    assert not await other.opens(used)


async def listed(
    process: Process, token: str, moment: str = "", account: str = ""
) -> list[dict[str, Any]]:
    query = {name: value for name, value in (("at", moment), ("account", account)) if value}
    path = (
        "/v1/sessions"
        + ("?" if query else "")
        + "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in query.items())
    )
    answer = await process.ask("GET", path, token=token)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_who_was_signed_in_at_a_moment_with_which_role(
    processes: Processes, api: Process, installation: Installation
) -> None:
    ada = await api.register("ada@example.org")
    auditor = await api.register("auditor@example.org")
    await grant(api, auditor, "admin")
    reader = await api.sign_in("auditor@example.org")
    moments = [processes.now().isoformat()]
    first = await api.sign_in("ada@example.org", user_agent="curl/8.5.0")
    moments.append(processes.now().isoformat())
    kept = await api.sign_in("ada@example.org")
    moments.append(processes.now().isoformat())
    await api.ask("POST", "/v1/sessions/revoke", {"scope": "others"}, token=kept)
    moments.append(processes.now().isoformat())
    await grant(api, ada, "admin")
    moments.append(processes.now().isoformat())
    await api.sign_in("ada@example.org")
    moments.append(processes.now().isoformat())
    assert not await api.opens(first)
    installation.caught_up()

    then = [await listed(api, reader, each, ada) for each in moments]
    assert [len(each) for each in then] == [0, 1, 2, 1, 0, 1]
    assert [{item["role"] for item in each} for each in then] == [
        *(set(), {"member"}, {"member"}, {"member"}, set(), {"admin"})
    ]
    assert {item["state"] for each in then for item in each} == {"signed_in"}
    assert then[1][0]["device"] == "curl", "admins may read what is personal"
    assert [item["current"] for item in then[5]] == [False]
    now = await listed(api, reader, account=ada)
    assert [item["id"] for item in now] == [item["id"] for item in then[5]]


async def test_a_moment_knows_what_had_expired_and_says_what_it_does_not_know(
    processes: Processes, api: Process, installation: Installation
) -> None:
    await api.register("ada@example.org")
    used, unused = [await api.sign_in("ada@example.org") for _ in range(2)]
    ids = {item["current"]: item["id"] for item in await listed(api, used)}
    processes.ahead += IDLE * 0.6
    assert await api.opens(used)
    half = processes.now().isoformat()
    processes.ahead += IDLE * 0.7
    later = processes.now().isoformat()
    processes.ahead += IDLE
    assert not await api.opens(used)
    assert not await api.opens(unused)
    await api.platform.last_seen.write()
    installation.caught_up()
    reader = await api.sign_in("ada@example.org")

    def states(items: list[dict[str, Any]]) -> dict[str, str]:
        return {item["id"]: item["state"] for item in items if item["id"] in ids.values()}

    assert states(await listed(api, reader, half)) == dict.fromkeys(ids.values(), "signed_in")
    assert states(await listed(api, reader, later)) == {
        ids[True]: "signed_in",
        ids[False]: "unknown",
    }
    latest = processes.now().isoformat()
    assert states(await listed(api, reader, latest)) == {ids[False]: "unknown"}


async def grant(process: Process, account: str, role: str) -> None:
    command = GrantRole(account=account, role=role, held=PERMISSIONS)
    context = Context(correlation_id=process.platform.new_id(), deadline=1e12)
    await process.platform.bus.execute(command, context)
