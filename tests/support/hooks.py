"""A source of webhooks as GitHub sends them, and its messages, over HTTP."""

import hmac
from typing import Any

import httpx

from tests.support.http_platform import Api

SECRET = "It's a Secret to Everybody"
SOURCE = {"preset": "github", "secrets": [SECRET], "target": {"kind": "log"}}


def signed(body: bytes, secret: str = SECRET, **headers: str) -> dict[str, str]:
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    return {"x-hub-signature-256": f"sha256={signature}", **headers}


async def define(api: Api, name: str = "github", **change: Any) -> str:
    answer = await api.owner("PUT", f"/v1/webhooks/sources/{name}", {**SOURCE, **change})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["url"])


async def send(api: Api, url: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
    headers = signed(body) if headers is None else headers
    return await api.http.post(url, content=body, headers=headers)


async def receipt_of(api: Api, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    shown = await api.owner("GET", f"/v1/webhooks/receipts/{answer.json()['receipt']}")
    assert shown.status_code == 200, shown.text
    return dict(shown.json())
