"""URLs that cannot be called are refused when an action is defined, before they are recorded."""

import pytest

from adapters.egress.urls import UnusableUrl, check_url
from tests.support.http_platform import Api

UNUSABLE = [
    "gopher://127.0.0.1/",
    "http:///x",
    "http://name:hunter2@127.0.0.1/",
    "http://127.0.0.1\\@elsewhere/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
]


@pytest.mark.parametrize("url", UNUSABLE)
def test_it_cannot_be_called(url: str) -> None:
    with pytest.raises(UnusableUrl):
        check_url(url)


@pytest.mark.parametrize("url", UNUSABLE[1:])
async def test_no_action_calls_it(api: Api, url: str) -> None:
    answer = await api.owner("PUT", "/v1/actions/call", {"executor": {"kind": "http", "url": url}})
    events = await api.owner("GET", "/v1/events?type=action.defined")

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/executor/url"]
    assert "hunter2" not in answer.text
    assert events.json()["items"] == []
