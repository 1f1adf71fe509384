"""Planned changes of flags over HTTP, with a clock that a test moves."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from application.context import Context
from application.flags.planned import CarryOutChange
from application.unit import Done
from tests.support.http_platform import Api

ON = {"kind": "enable"}
HALF = {"id": "half", "strategy": "flexibleRollout", "parameters": {"rollout": "50"}}
EVERYBODY = {"id": "all"}


async def admin(api: Api, email: str = "ada@example.org") -> str:
    body = {"email": email, "password": "correct horse"}
    account = (await api.ask("POST", "/v1/accounts", body)).json()["id"]
    await api.owner("PUT", f"/v1/accounts/{account}/role", {"role": "admin"})
    return await api.sign_in(email)


async def protect(api: Api, flag: str = "beta") -> None:
    body = {"enabled": False, "protected": True}
    assert (await api.owner("PUT", f"/v1/flags/{flag}", body)).status_code == 200


async def propose(api: Api, flag: str = "beta", **body: Any) -> dict[str, Any]:
    answer = await api.owner("POST", f"/v1/flags/{flag}/changes", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def act(api: Api, change: dict[str, Any], word: str, token: str = "") -> httpx.Response:
    body: Any = {} if word in {"reject", "cancel"} else None
    path = f"/v1/flag-changes/{change['id']}/{word}"
    if token:
        return await api.ask("POST", path, body, token=token)
    return await api.owner("POST", path, body)  # type: ignore[no-any-return]


async def flag(api: Api, key: str = "beta", environment: str = "default") -> dict[str, Any]:
    path = f"/v1/flags/{key}?environment={environment}"
    return dict((await api.owner("GET", path)).json())


async def look(api: Api, change: dict[str, Any]) -> dict[str, Any]:
    return dict((await api.owner("GET", f"/v1/flag-changes/{change['id']}")).json())


async def time_passes(api: Api, change: dict[str, Any], **length: float) -> dict[str, Any]:
    """What a scheduler does then; the change afterwards."""
    api.platform.clock += timedelta(**length)
    context = Context(actor="scheduler", correlation_id=uuid4(), deadline=1e12, tenant="default")
    command = CarryOutChange(change=change["id"], at=api.platform.now())
    assert isinstance(await api.platform.bus.execute(command, context), Done)
    return await look(api, change)


async def types(api: Api, path: str) -> list[str]:
    items = (await api.owner("GET", f"{path}/history")).json()["items"]
    return [each["type"] for each in items]
