"""Somebody who leaves traces, and a client of their own to leave them with."""

from dataclasses import dataclass, field
from typing import Any

import httpx

PASSWORD = "ninety-seven bernoulli numbers"


@dataclass
class Ada:
    """A person, what they have left behind, and what opened something of theirs."""

    http: httpx.Client
    email: str
    newer: str
    address: str
    device: str
    title: str
    body: str
    input: str
    key: str
    account: str = ""
    token: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)
    letters: list[str] = field(default_factory=list)
    seed: str = ""
    reminder: str = ""
    job: str = ""
    cached: str = ""
    flag: str = ""
    before: str = ""
    export: httpx.Response | None = None

    @property
    def traces(self) -> list[str]:
        return [
            self.email,
            self.newer,
            self.address,
            self.device,
            self.title,
            self.body,
            self.input,
            self.key,
        ]

    @property
    def secrets(self) -> list[str]:
        tokens = [self.tokens["access_token"], self.tokens["refresh_token"]]
        return [PASSWORD, self.token, self.seed, *tokens, *self.letters]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        if self.token:
            headers = {"authorization": f"Bearer {self.token}", **headers}
        answer = self.http.request(method, path, json=body, headers=headers)
        self.http.cookies.clear()
        return answer

    def do(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.is_success, (method, path, answer.text)
        return answer.json() if answer.content else None

    def sign_in(self, email: str) -> None:
        self.token = ""
        self.token = self.do("POST", "/v1/sessions", {"email": email, "password": PASSWORD})[
            "token"
        ]
