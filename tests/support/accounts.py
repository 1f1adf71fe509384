"""People with an account of a platform in memory, who are asked for over HTTP."""

from typing import Any

from domain.mail import MailQueued
from tests.support.http_platform import Api
from tests.support.letters import letters_in
from tests.support.mailbox import token_in

ADA = "ada@example.org"
OLD, NEW = "correct horse", "battery staple"
MEMBER = "a1b2c3d4-0000-7000-8000-00000000000a"


async def register(api: Api, email: str = ADA, password: str = OLD) -> Any:
    return await api.ask("POST", "/v1/accounts", {"email": email, "password": password})


async def sign_in(api: Api, email: str = ADA, password: str = OLD) -> Any:
    answer = await api.ask("POST", "/v1/sessions", {"email": email, "password": password})
    api.http.cookies.clear()
    return answer


async def token_of(api: Api, email: str = ADA, password: str = OLD) -> str:
    answer = await sign_in(api, email, password)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def letters(api: Api, kind: str) -> list[MailQueued]:
    return [each for each in await letters_in(api.platform) if each.kind == kind]


async def mailed(api: Api, kind: str) -> str:
    """The token in the last letter of a kind."""
    return token_in(str((await letters(api, kind))[-1].text))


async def types_of(api: Api, account: str) -> list[str]:
    page = await api.owner("GET", f"/v1/accounts/{account}/history")
    return [each["type"] for each in page.json()["items"]]


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("/problems/")


async def asked_for(api: Api, token: str, email: str) -> Any:
    body = {"current_password": OLD, "email": email}
    return await api.ask("POST", "/v1/me/email", body, token=token)
