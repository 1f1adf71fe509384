"""Sessions of a platform in memory, as a browser on this machine has them."""

from typing import Any

from tests.support.http_platform import Api

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "correct horse"
HERE = "http://localhost"


async def opens(api: Api, token: str) -> bool:
    answer = await api.ask("GET", "/v1/sessions/current", token=token)
    assert answer.status_code in (200, 401)
    return bool(answer.status_code == 200)


async def events(api: Api, type_: str) -> list[dict[str, Any]]:
    answer = await api.owner("GET", f"/v1/events?type={type_}")
    return list(answer.json()["items"])


async def sign_in(api: Api, **headers: str) -> Any:
    body = {"email": "ada@example.org", "password": PASSWORD}
    answer = await api.ask("POST", "/v1/sessions", body, **headers)
    api.http.cookies.clear()
    return answer
