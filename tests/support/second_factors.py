"""A person with second factors, over the HTTP layer in memory."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from tests.support.authenticator import Authenticator
from tests.support.http_platform import Api
from tests.support.shown_codes import STEP, shown_code

EMAIL = "ada@example.org"
PASSWORD = "correct horse"
HOST = {"host": "localhost"}


@dataclass
class Person:
    """Signed in by password; `seed` is their authenticator's, once enrolled."""

    api: Api
    email: str
    account: str
    token: str
    seed: str = ""

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.api.ask(method, path, body, token=self.token, **{**HOST, **headers})

    async def sign_in(self, *, email: str = "", password: str = PASSWORD) -> httpx.Response:
        body = {"email": email or self.email, "password": password}
        return await self._anonymous("/v1/sessions", body)

    async def complete(self, problem: dict[str, Any], **factor: Any) -> httpx.Response:
        body = {"challenge": problem["challenge"], **factor}
        return await self._anonymous("/v1/sessions/second-factor", body)

    async def by_passkey(self, passkey: Authenticator, options: Any = None) -> httpx.Response:
        options = options or await self.options()
        body = {"credential": passkey.get(options)}
        return await self._anonymous("/v1/sessions/passkey", body)

    async def options(self) -> Any:
        answer = await self._anonymous("/v1/sessions/passkey/options", None)
        assert answer.status_code == 200, answer.text
        return answer.json()["publicKey"]

    async def register(
        self, passkey: Authenticator, name: str = "Phone", options: Any = None
    ) -> httpx.Response:
        if options is None:
            options = (await self.ask("POST", "/v1/me/passkeys/options")).json()["publicKey"]
        body = {"name": name, "credential": passkey.create(options)}
        return await self.ask("POST", "/v1/me/passkeys", body)

    def code(self) -> str:
        """What the authenticator shows now."""
        return shown_code(self.seed, self.api.platform.clock.timestamp())

    def next_code(self) -> str:
        """What the authenticator shows after what it has shown."""
        self.api.platform.clock += timedelta(seconds=STEP)
        return self.code()

    async def _anonymous(self, path: str, body: Any) -> httpx.Response:
        answer = await self.api.ask("POST", path, body, **HOST)
        self.api.http.cookies.clear()
        return answer


async def person(api: Api, email: str = EMAIL) -> Person:
    registered = await api.ask("POST", "/v1/accounts", {"email": email, "password": PASSWORD})
    assert registered.status_code == 201, registered.text
    token = await api.sign_in(email)
    return Person(api, email, registered.json()["id"], token)


async def enrolled(person: Person) -> list[str]:
    """Enrol an authenticator; gives the recovery codes."""
    seed = await person.ask("POST", "/v1/me/totp")
    assert seed.status_code == 201, seed.text
    person.seed = seed.json()["secret"]
    confirmed = await person.ask("POST", "/v1/me/totp/confirm", {"code": person.code()})
    assert confirmed.status_code == 200, confirmed.text
    return list(confirmed.json()["recovery_codes"])
