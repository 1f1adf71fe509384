"""Tokens as a client of the HTTP layer in memory has and uses them."""

import json
from typing import Any

import httpx

from domain.signing_keys import INSTALLATION, SIGNING_KEYS
from tests.support.forged_tokens import Forger, decoded
from tests.support.http_platform import Api


async def exchanged(api: Api, token: str) -> Any:
    answer = await api.ask("POST", "/v1/tokens", token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refreshed(api: Api, tokens: Any, **headers: str) -> httpx.Response:
    body = {"refresh_token": tokens["refresh_token"]}
    return await api.ask("POST", "/v1/tokens/refresh", body, **headers)


async def opens(api: Api, token: str) -> int:
    return (await api.ask("GET", "/v1/access/current", token=token)).status_code


def said(access_token: str) -> Any:
    return json.loads(decoded(access_token.split(".")[1]))


async def events(api: Api) -> list[str]:
    return [each.type for each in await api.platform.store.read_log(after=0, limit=1000)]


async def forger(api: Api, tokens: Any) -> Forger:
    keys = await api.platform.current.get(SIGNING_KEYS, INSTALLATION)
    assert keys.newest is not None
    return Forger(keys.newest, said(tokens["access_token"]))
