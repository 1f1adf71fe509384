"""Who reads the platform's numbers, which tell of everybody."""

from ipaddress import ip_network

import httpx
import pytest

from adapters.settings import Settings
from tests.support.http_platform import OWNER, Api, opened_api
from tests.support.keys import key_of
from tests.support.members import refusal

STRANGER = "198.51.100.1"
NEAR = "192.0.2.7"
SETTINGS = Settings(log_level="error", metrics_networks=(ip_network("192.0.2.0/24"),))


async def metrics_for(api: Api, address: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=api.app, client=(address, 4000))  # type: ignore[arg-type]
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://annals") as http:
        return await http.get("/metrics", headers=sent)


def numbers(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and "annals_http_requests_total" in answer.text


async def test_a_named_network_needs_no_credential() -> None:
    async with opened_api(settings=SETTINGS) as api:
        assert numbers(await metrics_for(api, NEAR))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_this_machine_is_named_unless_others_are(address: str) -> None:
    async with opened_api() as api:
        assert numbers(await metrics_for(api, address))
        assert refusal(await metrics_for(api, STRANGER)) == (401, "unauthenticated")
    async with opened_api(settings=SETTINGS) as api:
        assert refusal(await metrics_for(api, address)) == (401, "unauthenticated")


async def test_from_elsewhere_it_takes_the_permission() -> None:
    async with opened_api(settings=SETTINGS) as api:
        body = {"name": "prometheus", "scopes": ["metrics:read"]}
        key = (await api.owner("POST", "/v1/api-keys", body)).json()["key"]
        for credential in (OWNER, key):
            assert numbers(await metrics_for(api, STRANGER, authorization=f"Bearer {credential}"))
        tenants = f"Bearer {await key_of(api, 'default', 'owner')}"
        refused = await metrics_for(api, STRANGER, authorization=tenants)
        assert refusal(refused) == (403, "missing-permission")
        assert refused.json()["permission"] == "metrics:read"


async def test_a_refusal_says_what_to_do() -> None:
    async with opened_api(settings=SETTINGS) as api:
        viewer = f"Bearer {await key_of(api, 'default', 'viewer')}"
        nobody = await metrics_for(api, STRANGER)
        assert nobody.headers["www-authenticate"].startswith("Bearer")
        for answer in (nobody, await metrics_for(api, STRANGER, authorization=viewer)):
            assert "metrics:read" in answer.json()["detail"]
            assert "METRICS_NETWORKS" in answer.json()["detail"]


async def test_a_forwarded_request_is_not_near_for_its_proxy() -> None:
    async with opened_api(settings=SETTINGS) as api:
        refused = await metrics_for(api, NEAR, x_forwarded_for=STRANGER)
        assert refusal(refused) == (401, "unauthenticated")


async def test_the_document_says_that_a_credential_may_be_left_out() -> None:
    async with opened_api() as api:
        paths = (await api.ask("GET", "/schema/openapi.json")).json()["paths"]
        described = paths["/metrics"]["get"]
        assert {} in described["security"]
        assert "`metrics:read`" in described["description"]
        assert {} not in paths["/v1/flags/{key}"]["get"]["security"]
