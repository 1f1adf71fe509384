"""What whoever runs the installation does for those who cannot sign in, over ports in memory."""

from typing import Any
from uuid import uuid4

import pytest

from adapters.egress.mail import tell_written
from adapters.memory.mailer import MemoryMailer
from application.mail import SendMail
from application.personal_data import key_owners
from domain.accounts import ACCOUNT, ErasedAccount
from tests.support.erasures import carry_out, erased_event, handler_of
from tests.support.http_platform import Api
from tests.support.leaving import DEVICE, EMAIL, PASSWORD, PERSON, signed_in
from tests.support.letters import attempt, letters_in
from tests.support.members import new_tenant, person, refusal, with_role

REQUESTED = {"reason": "requested"}


async def types_of(api: Api, account: str) -> list[str]:
    history = await api.owner("GET", f"/v1/accounts/{account}/history?limit=100")
    return [each["type"] for each in history.json()["items"]]


async def key_for(api: Api, *scopes: str) -> str:
    made = await api.owner("POST", "/v1/api-keys", {"name": "letters", "scopes": scopes})
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


async def verified(api: Api) -> tuple[str, str]:
    """An account whose address is known to be the person's, and a token."""
    known = {"email": EMAIL, "password_hash": f"hash of {PASSWORD}", "verified": True}
    await api.owner("POST", "/v1/accounts/import", {"accounts": [known]})
    started = (await api.ask("POST", "/v1/sessions", PERSON)).json()
    api.http.cookies.clear()
    return started["account"], started["token"]


@pytest.mark.parametrize("closed", [False, True])
async def test_an_account_is_erased_open_or_closed(api: Api, *, closed: bool) -> None:
    account, token = await signed_in(api)
    if closed:
        assert (await api.owner("POST", f"/v1/accounts/{account}/close")).status_code == 204
    gone = await api.owner("DELETE", f"/v1/accounts/{account}", REQUESTED)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await api.ask("GET", "/v1/me", token=token)).status_code == 401
    assert (await api.ask("POST", "/v1/sessions", PERSON)).status_code == 401
    keys = await api.platform.vault.keys(key_owners([account]), create=True)
    assert list(keys.values()) == [None]
    assert (await carry_out(api.platform, handler_of(api.platform))) is None
    assert (await signed_in(api))[0] != account


async def test_the_log_tells_who_has_erased_somebody_and_why(api: Api) -> None:
    account, _ = await signed_in(api)
    await api.owner("DELETE", f"/v1/accounts/{account}", {"reason": "unlawful"})
    recorded = await erased_event(api.platform)
    assert recorded.event.reason == "unlawful"
    assert recorded.actor.startswith("api-key/")


async def test_who_erases_themselves_is_told_from_who_was_erased(api: Api) -> None:
    _, token = await signed_in(api)
    await api.ask("DELETE", "/v1/me", {"current_password": PASSWORD}, token=token)
    assert (await erased_event(api.platform)).event.reason == "own"


async def test_whoever_is_erased_twice_is_erased_once(api: Api) -> None:
    account, _ = await signed_in(api)
    for reason in ("requested", "requested", "obliged"):
        gone = await api.owner("DELETE", f"/v1/accounts/{account}", {"reason": reason})
        assert gone.status_code == 204
    assert (await erased_event(api.platform)).event.reason == "requested"
    await carry_out(api.platform, handler_of(api.platform))
    again = await api.owner("DELETE", f"/v1/accounts/{account}", REQUESTED)
    assert again.status_code == 204
    assert (await types_of(api, account)).count("account.keys_destroyed") == 1


async def test_an_account_that_has_changed_since_is_not_erased(api: Api) -> None:
    account, _ = await signed_in(api)
    path = f"/v1/accounts/{account}"
    seen = (await api.owner("GET", path)).headers["etag"]
    await api.owner("POST", f"{path}/close")
    refused = await api.owner("DELETE", path, REQUESTED, if_match=seen)
    assert refused.status_code == 412
    assert "account.erased" not in await types_of(api, account)


async def test_nobody_who_is_not_there_is_erased_or_told_about(api: Api) -> None:
    for unknown in (str(uuid4()), "nobody"):
        path = f"/v1/accounts/{unknown}"
        for answer in (
            await api.owner("DELETE", path, REQUESTED),
            await api.owner("GET", f"{path}/export"),
        ):
            assert refusal(answer) == (404, "no-such-account")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": "own"},
        {"reason": f"a letter of {EMAIL}"},
        {"reason": 1},
        {**REQUESTED, "note": "x"},
    ],
)
async def test_why_is_one_of_few_words(api: Api, body: dict[str, Any]) -> None:
    account, _ = await signed_in(api)
    before = (await api.platform.store.tail()).position
    refused = await api.owner("DELETE", f"/v1/accounts/{account}", body)
    assert refused.status_code == 422
    assert (await api.platform.store.tail()).position == before


async def test_each_takes_a_permission_of_its_own_that_no_tenant_gives(api: Api) -> None:
    account, token = await signed_in(api)
    path = f"/v1/accounts/{account}"
    owner = await with_role(api, "grace@example.org", "owner")
    writes = await key_for(api, "accounts:write", "personal:read", "events:read")
    for method, url, body, permission in (
        ("DELETE", path, REQUESTED, "accounts:erase"),
        ("GET", f"{path}/export", None, "accounts:export"),
    ):
        for credential in (token, owner.token, writes):
            answer = await api.ask(method, url, body, token=credential)
            assert refusal(answer) == (403, "missing-permission")
            assert answer.json()["permission"] == permission
    exports, erases = await key_for(api, "accounts:export"), await key_for(api, "accounts:erase")
    assert (await api.ask("GET", f"{path}/export", token=exports)).status_code == 200
    assert (await api.ask("DELETE", path, REQUESTED, token=erases)).status_code == 204


async def test_a_tenants_last_owner_goes_and_the_installations_names_another(api: Api) -> None:
    ada, bob = await person(api, "ada@example.org"), await person(api, "bob@example.org")
    await new_tenant(api, "acme", ada)
    await api.owner("DELETE", f"/v1/accounts/{ada.account}", REQUESTED)
    await carry_out(api.platform, handler_of(api.platform))
    assert await api.platform.standings.tenants(ada.account) == []
    member, role = f"/v1/members/{bob.account}", {"role": "owner"}
    named = await api.owner("PUT", member, role, annals_tenant="acme")
    assert named.status_code == 200
    assert (await bob.done("GET", "/v1/access/current", tenant="acme"))["role"] == "owner"


@pytest.mark.parametrize("closed", [False, True])
async def test_an_export_is_what_the_person_would_be_given(api: Api, *, closed: bool) -> None:
    account, token = await signed_in(api)
    own = (await api.ask("GET", "/v1/me/export", token=token)).json()
    if closed:
        await api.owner("POST", f"/v1/accounts/{account}/close")
    answer = await api.owner("GET", f"/v1/accounts/{account}/export")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["id"], told["email"], told["memberships"]) == (account, EMAIL, own["memberships"])
    assert {each["id"] for each in own["things"]} <= {each["id"] for each in told["things"]}
    for value in (EMAIL, DEVICE):
        assert value in answer.text
    for value in (token, PASSWORD):
        assert value not in answer.text


async def test_of_whom_was_erased_nothing_is_given(api: Api) -> None:
    account, _ = await signed_in(api)
    await api.owner("DELETE", f"/v1/accounts/{account}", REQUESTED)
    answer = await api.owner("GET", f"/v1/accounts/{account}/export")
    assert refusal(answer) == (404, "no-such-account")


async def test_exports_by_request_leave_the_person_theirs(api: Api) -> None:
    account, token = await signed_in(api)
    for _ in range(10):
        answer = await api.owner("GET", f"/v1/accounts/{account}/export")
        assert answer.status_code == 200
    refused = await api.owner("GET", f"/v1/accounts/{account}/export")
    assert refusal(refused) == (429, "too-many-exports")
    assert (await api.ask("GET", "/v1/me/export", token=token)).status_code == 200


# the last letter


@pytest.mark.parametrize("own", [False, True])
async def test_who_is_erased_is_told_by_a_last_letter(api: Api, *, own: bool) -> None:
    account, token = await verified(api)
    if own:
        await api.ask("DELETE", "/v1/me", {"current_password": PASSWORD}, token=token)
    else:
        await api.owner("DELETE", f"/v1/accounts/{account}", REQUESTED)
    platform, mailer = api.platform, MemoryMailer()
    letter = (await erased_event(platform)).event.letter
    assert await carry_out(platform, handler_of(platform)) > platform.clock
    assert (await letters_in(platform))[-1].to == EMAIL  # it is not sent yet

    sent = await attempt(platform, SendMail(mailer, tell_written), letter)
    assert sent is not None
    assert [(each.to, each.subject) for each in mailer.letters] == [
        (EMAIL, "Your account was erased")
    ]
    assert await carry_out(platform, handler_of(platform), attempt=2) is None
    assert not isinstance((await letters_in(platform))[-1].to, str)
    state = await platform.current.get(ACCOUNT, account)
    assert isinstance(state, ErasedAccount)
    assert state.pending == ()


async def test_a_letter_that_is_given_up_is_forgotten_too(api: Api) -> None:
    account, _ = await verified(api)
    await api.owner("DELETE", f"/v1/accounts/{account}", REQUESTED)
    platform, mailer = api.platform, MemoryMailer()
    letter = (await erased_event(platform)).event.letter
    mailer.refuses = 550
    await attempt(platform, SendMail(mailer, tell_written), letter)
    assert await carry_out(platform, handler_of(platform)) is None
    assert not isinstance((await letters_in(platform))[-1].to, str)


async def test_an_address_that_nobody_has_verified_is_sent_nothing(api: Api) -> None:
    account, _ = await signed_in(api)
    await api.owner("DELETE", f"/v1/accounts/{account}", REQUESTED)
    assert "account-erased" not in {each.kind for each in await letters_in(api.platform)}
    assert (await erased_event(api.platform)).event.letter == ""


async def test_contexts_are_forgotten_once_however_long_the_letter_takes(api: Api) -> None:
    account, _ = await verified(api)
    await api.owner("DELETE", f"/v1/accounts/{account}", REQUESTED)
    platform = api.platform
    await carry_out(platform, handler_of(platform))
    await api.owner("PUT", "/v1/flags/engine", {"enabled": True})
    body = {"context": {"userId": "somebody else"}}
    await api.owner("POST", "/v1/flags/engine/evaluate", body)
    await carry_out(platform, handler_of(platform), attempt=2)
    contexts = await platform.recorded_contexts.read("default", "default")
    assert "somebody else" in str(contexts)
