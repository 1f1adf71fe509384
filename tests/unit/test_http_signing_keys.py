"""Signing keys over HTTP: published, rotated, and the same in every process."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typing_extensions import override

from adapters.memory.event_store import MemoryEventStore
from application.event_store import StoredEvent, StreamName
from domain.signing_keys import INSTALLATION, OVERLAP, SIGNING_KEYS
from tests.support.forged_tokens import decoded
from tests.support.http_platform import Api, opened_api
from tests.support.tokens import events, exchanged, forger, opens, refreshed


async def published(api: Api) -> list[Any]:
    answer = await api.ask("GET", "/.well-known/jwks.json")
    assert answer.status_code == 200
    return list(answer.json()["keys"])


async def rotated(api: Api, **body: bool) -> str:
    answer = await api.owner("POST", "/v1/signing-keys/rotate", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_after_a_rotation_old_tokens_are_good_until_they_expire(api: Api) -> None:
    session = await api.sign_in()
    old = await exchanged(api, session)
    new_key = await rotated(api)
    new = await exchanged(api, session)
    assert json.loads(decoded(new["access_token"].split(".")[0]))["kid"] == new_key
    assert [await opens(api, each["access_token"]) for each in (old, new)] == [200, 200]
    kids = [each["kid"] for each in await published(api)]
    assert len(kids) == 2
    assert kids[0] == new_key
    api.platform.clock += OVERLAP
    assert [each["kid"] for each in await published(api)] == [new_key]
    assert await opens(api, old["access_token"]) == 401


async def test_a_key_that_was_stolen_vouches_no_more(api: Api) -> None:
    session = await api.sign_in()
    old = await exchanged(api, session)
    new_key = await rotated(api, distrust_others=True)
    assert await opens(api, old["access_token"]) == 401
    assert [each["kid"] for each in await published(api)] == [new_key]
    assert await opens(api, (await refreshed(api, old)).json()["access_token"]) == 200


async def test_only_who_may_rotates_keys(api: Api) -> None:
    answer = await api.ask("POST", "/v1/signing-keys/rotate", {}, token=await api.sign_in())
    assert answer.status_code == 403
    assert answer.json()["permission"] == "signing-keys:write"
    assert (await api.ask("POST", "/v1/signing-keys/rotate", {})).status_code == 401
    assert "signing_key.made" not in await events(api)


async def test_two_processes_that_need_the_first_key_make_one(api: Api) -> None:
    session = await api.sign_in()
    shared = {"store": api.platform.store, "vault": api.platform.vault}
    async with opened_api(**shared, sessions=api.platform.sessions) as twin:
        tokens = await asyncio.gather(*(exchanged(each, session) for each in (api, twin) * 2))
        assert (await events(api)).count("signing_key.made") == 1
        headers = {each["access_token"].split(".")[0] for each in tokens}
        assert len(headers) == 1
        for each in tokens:
            assert await opens(twin, each["access_token"]) == 200


class CountedStore(MemoryEventStore):
    """Counts how often the signing keys are read."""

    looks = 0

    @override
    async def read_stream(
        self, stream: StreamName, *, after: int = 0, limit: int = 1000
    ) -> list[StoredEvent]:
        self.looks += stream[1] == SIGNING_KEYS.stream(INSTALLATION)
        return await super().read_stream(stream, after=after, limit=limit)


async def test_a_key_is_known_elsewhere_before_the_logs_tail_has_told() -> None:
    store = CountedStore()
    async with opened_api(store=store) as api:
        session = await api.sign_in()
        shared = {"store": store, "vault": api.platform.vault}
        async with opened_api(**shared, sessions=api.platform.sessions) as twin:
            assert await opens(twin, (await exchanged(api, session))["access_token"]) == 200
            await rotated(api)
            new = (await exchanged(api, session))["access_token"]
            assert await asyncio.gather(*[opens(twin, new) for _ in range(3)]) == [200] * 3


async def test_names_of_keys_that_strangers_make_up_do_not_burden_the_log() -> None:
    store = CountedStore()
    async with opened_api(store=store) as api:
        tokens = await exchanged(api, await api.sign_in())
        made_up = await forger(api, tokens)
        clock = asyncio.get_running_loop().time
        before, begun = store.looks, clock()
        for number in range(50):
            token = made_up.token({"kid": f"{number:043}"})
            assert await opens(api, token) == 401
        assert store.looks - before <= 1 + (clock() - begun)  # one a second
        assert await opens(api, tokens["access_token"]) == 200


async def test_the_published_keys_verify_a_token_without_our_code(api: Api) -> None:
    text, _, signature = (await exchanged(api, await api.sign_in()))["access_token"].rpartition(".")
    kid = json.loads(decoded(text.split(".")[0]))["kid"]
    key = next(each for each in await published(api) if each["kid"] == kid)
    public_key = Ed25519PublicKey.from_public_bytes(decoded(key["x"]))
    public_key.verify(decoded(signature), text.encode())


async def test_the_published_keys_may_be_kept_until_they_change(api: Api) -> None:
    assert await published(api) == []
    await exchanged(api, await api.sign_in())
    first = await api.ask("GET", "/.well-known/jwks.json")
    assert first.headers["cache-control"] == "public, max-age=300"
    known = {"if_none_match": first.headers["etag"]}
    again = await api.ask("GET", "/.well-known/jwks.json", **known)
    assert (again.status_code, again.text) == (304, "")
    await rotated(api)
    assert (await api.ask("GET", "/.well-known/jwks.json", **known)).status_code == 200


async def test_the_keys_that_vouch_are_listed_now_and_as_they_were(api: Api) -> None:
    assert (await api.owner("GET", "/v1/signing-keys")).json() == {"items": []}
    assert (await api.owner("GET", "/v1/signing-keys/history")).status_code == 404
    first = await rotated(api)
    api.platform.clock += timedelta(minutes=1)
    second = await rotated(api)
    now = (await api.owner("GET", "/v1/signing-keys")).json()["items"]
    assert [each["id"] for each in now] == [second, first]
    assert now[0]["until"] is None
    made_at = datetime.fromisoformat(now[0]["made_at"])
    assert datetime.fromisoformat(now[1]["until"]) == made_at + OVERLAP
    position = (await api.platform.store.read_log(after=0, limit=1000))[-2].position
    was = await api.owner("GET", f"/v1/signing-keys?position={position}")
    assert [(each["id"], each["until"]) for each in was.json()["items"]] == [(first, None)]


async def test_what_happened_to_the_keys_is_told_without_the_keys(api: Api) -> None:
    key = await rotated(api)
    answer = await api.owner("GET", "/v1/signing-keys/history")
    [event] = answer.json()["items"]
    assert (event["type"], event["data"]["key"]) == ("signing_key.made", key)
    keys = await api.platform.current.get(SIGNING_KEYS, INSTALLATION)
    assert keys.newest is not None
    assert keys.newest.private_key not in answer.text


async def test_only_the_installations_owner_sees_keys(api: Api) -> None:
    token = await api.sign_in()
    for path in ("/v1/signing-keys", "/v1/signing-keys/history"):
        answer = await api.ask("GET", path, token=token)
        assert (answer.status_code, answer.json()["permission"]) == (403, "signing-keys:read")
