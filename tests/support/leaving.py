"""Somebody who registers over HTTP, signs in, and leaves traces."""

from tests.support.http_platform import Api

EMAIL = "ada.of.lovelace@example.org"
PASSWORD = "a very long password of Ada's"
DEVICE = "Analytical-Engine/1843 (brass)"
PERSON = {"email": EMAIL, "password": PASSWORD}


async def signed_in(api: Api, person: dict[str, str] | None = None) -> tuple[str, str]:
    """An account and its session's token."""
    person = person or PERSON
    registered = await api.ask("POST", "/v1/accounts", person)
    assert registered.status_code == 201, registered.text
    answer = await api.ask("POST", "/v1/sessions", person, user_agent=DEVICE)
    assert answer.status_code == 201, answer.text
    api.http.cookies.clear()
    return answer.json()["account"], answer.json()["token"]
