"""Whom a member may have reminded by e-mail, over HTTP and a platform in memory."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.settings import Settings
from tests.support.accounts import register, slug, token_of
from tests.support.http_platform import Api, opened_api

KEPT = "Ada.Lovelace@example.org"

pytestmark = pytest.mark.usefixtures("quick_answers")


@pytest.fixture
async def mailing() -> AsyncIterator[Api]:
    """A platform that sends e-mail."""
    settings = Settings(log_level="error", smtp_url="smtp://127.0.0.1:25")
    async with opened_api(settings=settings) as api:
        yield api


async def remind(api: Api, token: str, to: str) -> Any:
    channel = {"kind": "email", "to": to}
    body = {"title": "Tea", "in": "1s", "channel": channel}
    return await api.ask("POST", "/v1/reminders", body, token=token)


@pytest.mark.parametrize("named", [KEPT, "ada.LOVELACE@EXAMPLE.org"])
async def test_ones_own_address_may_be_named_in_any_case(mailing: Api, named: str) -> None:
    await register(mailing, KEPT)
    made = await remind(mailing, await token_of(mailing, KEPT), named)
    assert made.status_code == 201, made.text
    assert made.json()["channel"]["to"] == KEPT


async def test_the_address_of_somebody_else_may_not(mailing: Api) -> None:
    await register(mailing, KEPT)
    refused = await remind(mailing, await token_of(mailing, KEPT), "eve@example.org")
    assert (refused.status_code, slug(refused)) == (403, "not-your-address")


async def test_letters_go_to_an_address_as_the_owner_has_written_it(mailing: Api) -> None:
    channel = {"kind": "email", "to": KEPT}
    body = {"title": "Tea", "in": "1s", "channel": channel}
    made = await mailing.owner("POST", "/v1/reminders", body)
    assert made.json()["channel"]["to"] == KEPT
