"""What a person is given about themselves, over ports in memory."""

from domain.recorded import DEFAULT_TENANT
from tests.support.http_platform import Api
from tests.support.leaving import DEVICE, EMAIL, PASSWORD, signed_in
from tests.support.letters import post


async def test_a_person_is_given_everything_about_them(api: Api) -> None:
    account, token = await signed_in(api)
    await post(api.platform, "password-changed", person=account, to=EMAIL)
    remind = {"in": "1h", "title": "oil the engine", "channel": {"kind": "inbox"}}
    assert (await api.ask("POST", "/v1/reminders", remind, token=token)).status_code == 201
    answer = await api.ask("GET", "/v1/me/export", token=token)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    told = answer.json()
    assert (told["id"], told["email"]) == (account, EMAIL)
    assert told["memberships"] == [{"tenant": DEFAULT_TENANT, "role": "member"}]
    categories = {each["category"] for each in told["things"]}
    assert {"account", "session", "mail", "reminder", "membership"} <= categories
    for value in (EMAIL, DEVICE, "127.0.0.1", "oil the engine", "Your password was changed"):
        assert value in answer.text, value


async def test_what_opens_something_is_in_no_export(api: Api) -> None:
    account, token = await signed_in(api)
    secret = "only-for-the-mailbox"
    at = api.platform.now()
    await post(api.platform, person=account, to=EMAIL, token=secret, until=at)
    answer = await api.ask("GET", "/v1/me/export", token=token)
    assert "Confirm your address" in answer.text
    for value in (secret, token, PASSWORD, f"hash of {PASSWORD}"):
        assert value not in answer.text


async def test_nobody_is_given_what_is_anothers(api: Api) -> None:
    _, ada = await signed_in(api)
    grace, other = await signed_in(api, {"email": "grace@example.org", "password": PASSWORD})
    remind = {"in": "1h", "title": "find the moth", "channel": {"kind": "inbox"}}
    await api.ask("POST", "/v1/reminders", remind, token=other)
    export = await api.ask("GET", "/v1/me/export", token=ada)
    for value in (grace, "grace@example.org", "find the moth"):
        assert value not in export.text


async def test_nobody_reads_the_whole_log_over_and_over(api: Api) -> None:
    _, token = await signed_in(api)
    for _ in range(10):
        assert (await api.ask("GET", "/v1/me/export", token=token)).status_code == 200
    refused = await api.ask("GET", "/v1/me/export", token=token)
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    api.platform.counter.down = True
    assert (await api.ask("GET", "/v1/me/export", token=token)).status_code == 200


async def test_who_is_named_elsewhere_learns_that_and_no_more(api: Api) -> None:
    account, token = await signed_in(api)
    values = [account, "somebody-else"]
    condition = {"kind": "constraint", "field": "userId", "operator": "IN", "values": values}
    segment = {"description": f"not {account}", "condition": condition}
    assert (await api.owner("PUT", "/v1/segments/chosen", segment)).is_success
    told = (await api.ask("GET", "/v1/me/export", token=token)).json()
    [event] = [each for each in told["others"] if each["stream"] == "segment/chosen"]
    assert event["actor"] == "api-key"
    assert event["data"] == {"description": f"not {account}", "condition": {"hidden": True}}
