"""People with roles in tenants, for tests over HTTP in memory."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.http_platform import Api


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    api: Api
    email: str
    account: str
    token: str

    async def ask(
        self, method: str, path: str, body: Any = None, *, tenant: str = ""
    ) -> httpx.Response:
        headers = {"annals_tenant": tenant} if tenant else {}
        return await self.api.ask(method, path, body, token=self.token, **headers)

    async def done(self, method: str, path: str, body: Any = None, *, tenant: str = "") -> Any:
        """What is answered to something that is not refused."""
        answer = await self.ask(method, path, body, tenant=tenant)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


async def person(api: Api, email: str) -> Person:
    """Register and sign in."""
    token = await api.sign_in(email)
    answer = await api.ask("GET", "/v1/sessions/current", token=token)
    return Person(api, email, answer.json()["account"], token)


async def with_role(api: Api, email: str, role: str, tenant: str = "default") -> Person:
    """Somebody in a role, which the installation's owner has given."""
    somebody = await person(api, email)
    path = f"/v1/members/{somebody.account}"
    answer = await api.owner("PUT", path, {"role": role}, annals_tenant=tenant)
    assert answer.status_code == 200, answer.text
    body = {"email": email, "password": "correct horse", "tenant": tenant}
    signed_in = await api.ask("POST", "/v1/sessions", body)
    api.http.cookies.clear()
    assert signed_in.status_code == 201, signed_in.text
    return Person(api, email, somebody.account, signed_in.json()["token"])


async def new_tenant(api: Api, name: str, owner: Person | None = None) -> None:
    """The installation's owner makes a tenant."""
    body = {"name": name, **({"owner": owner.account} if owner else {})}
    answer = await api.owner("POST", "/v1/tenants", body)
    assert answer.status_code == 201, answer.text


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the kind of a problem."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")
