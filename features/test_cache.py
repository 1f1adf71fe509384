"""Steps of the cache: a program puts values and reads them, and somebody drops them."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals

scenarios("cache.feature")

VALUE = b"\x00\xff whatever it was \r\n"
TYPE = 'application/x-price; note="exact"'


@dataclass
class Kept:
    """What one scenario knows: its keys, its tag, and what the cache said before."""

    key: str = ""
    tag: str = ""
    tagged: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    ticket: str = ""


@pytest.fixture
def kept() -> Kept:
    return Kept()


def path_of(key: str, query: str = "") -> httpx.URL:
    """The path as it is meant: clients resolve what looks like `..` themselves."""
    return httpx.URL(f"http://x/v1/cache/{quote(key, safe='').replace('.', '%2E')}{query}")


def send(
    annals: Annals, method: str, key: str, query: str = "", value: bytes = b"", **headers: str
) -> httpx.Response:
    url = httpx.URL(annals.url).copy_with(raw_path=path_of(key, query).raw_path)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent["authorization"] = f"Bearer {annals.owner}"
    return annals.http.request(method, url, content=value or None, headers=sent)


def put(annals: Annals, key: str, query: str = "") -> httpx.Response:
    response = send(annals, "PUT", key, query, VALUE, content_type=TYPE)
    assert response.status_code in (200, 201), response.text
    return response


def there(annals: Annals, key: str) -> bool:
    response = send(annals, "GET", key)
    assert response.status_code in (200, 404), response.text
    return response.status_code == 200


def drop(annals: Annals, body: Any, **headers: str) -> httpx.Response:
    response = annals.as_owner("POST", "/v1/cache/invalidate", body, headers)
    assert response.status_code == 200, response.text
    return response


@given(parsers.parse('a value under "{key}"'))
@when(parsers.parse('a program puts a value under "{key}"'))
def _(annals: Annals, world: World, kept: Kept, key: str) -> None:
    kept.key = key
    world.answer = put(annals, key, "?ttl=60")


@given("a value that may be used for 1 ms")
def _(annals: Annals, kept: Kept) -> None:
    kept.key = annals.unique("brief")
    put(annals, kept.key, "?ttl=1ms")


@given(parsers.parse('3 values tagged "{tag}" and 2 others'))
def _(annals: Annals, kept: Kept, tag: str) -> None:
    kept.tag = annals.unique(tag)
    kept.tagged = [annals.unique("tagged") for _ in range(3)]
    kept.others = [annals.unique("other") for _ in range(2)]
    for key in kept.tagged:
        put(annals, key, f"?ttl=1h&tags=all-of-it,{kept.tag}")
    for key in kept.others:
        put(annals, key)


@given("an empty cache")
def _(annals: Annals) -> None:
    drop(annals, {"all": True})


@given("a program that has missed a value")
def _(annals: Annals, kept: Kept) -> None:
    kept.key = annals.unique("missed")
    kept.ticket = send(annals, "GET", kept.key).json()["ticket"]


@given(parsers.parse('the tag "{tag}" was dropped since'))
def _(annals: Annals, tag: str) -> None:
    drop(annals, {"tags": [tag]})


@given("a flag that is on")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    annals.define_flag(world.flag)


@given("a value that was made of the flag")
def _(annals: Annals, world: World, kept: Kept) -> None:
    kept.key = annals.unique("made")
    defined = annals.events(stream=f"flag/{world.flag}")[-1]["token"]
    headers = {"annals_consistent_after": defined}
    response = send(annals, "PUT", kept.key, f"?tags=flag:{world.flag}", VALUE, **headers)
    assert response.status_code == 201, response.text
    assert there(annals, kept.key)


@when("an admin switches it off")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.as_owner("POST", f"/v1/flags/{world.flag}/disable")
    assert world.last.status_code == 200


@when("the program reads it")
def _(annals: Annals, world: World, kept: Kept) -> None:
    world.answer = send(annals, "GET", kept.key)


@when("the program reads it with the tag that it was given")
def _(annals: Annals, world: World, kept: Kept) -> None:
    tag = world.last.headers["etag"]
    world.answer = send(annals, "GET", kept.key, if_none_match=f'"other", W/{tag}')


@when("a program puts a value under 513 bytes")
def _(annals: Annals, world: World) -> None:
    assert put(annals, "é" * 256).status_code == 201
    world.answer = send(annals, "PUT", "é" * 256 + "x", value=VALUE)


@when(parsers.parse('it puts what it has found out, tagged "{tag}", with its ticket'))
def _(annals: Annals, world: World, kept: Kept, tag: str) -> None:
    put(annals, kept.key, f"?tags={tag}&ticket={kept.ticket}")
    world.answer = send(annals, "GET", kept.key)


@when('the tag "shop" is dropped')
def _(annals: Annals, world: World, kept: Kept) -> None:
    world.answer = drop(annals, {"tags": [kept.tag, "unheard of"]})


@when("everything is dropped")
def _(annals: Annals, world: World) -> None:
    world.answer = drop(annals, {"all": True})


@when('the tag "shop" is dropped twice under one idempotency key')
def _(annals: Annals, world: World, kept: Kept) -> None:
    key = annals.unique("key")
    for _ in range(2):
        answer = drop(annals, {"tags": [kept.tag]}, **{"idempotency-key": key})
        world.answers.append(answer)


@when("the user reads the cache")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.request("GET", "/v1/cache/k", token=world.token)


@when("a program puts 3 values, reads them, and reads 2 that are not there")
def _(annals: Annals, kept: Kept) -> None:
    kept.before = annals.as_owner("GET", "/v1/cache").json()
    keys = [annals.unique("counted") for _ in range(5)]
    for key in keys[:3]:
        put(annals, key)
    assert [there(annals, key) for key in keys] == [True, True, True, False, False]


@then("it reads the same bytes of the same type")
def _(annals: Annals, world: World, kept: Kept) -> None:
    world.answer = send(annals, "GET", kept.key)
    assert world.last.status_code == 200, world.last.text
    assert (world.last.content, world.last.headers["content-type"]) == (VALUE, TYPE)
    head = send(annals, "HEAD", kept.key)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == world.last.headers["etag"]
    assert head.headers["content-length"] == str(len(VALUE))


@then("the answer says how old it is and for how long it was put")
def _(world: World) -> None:
    assert 0 <= int(world.last.headers["age"]) < 60
    assert world.last.headers["cache-control"] == "private, max-age=60, no-cache"


@then("it is told that nothing has changed")
def _(world: World) -> None:
    assert (world.last.status_code, world.last.content) == (304, b"")
    assert world.last.headers["etag"]


@then("there is nothing")
def _(world: World) -> None:
    assert world.problem(404)["type"] == "/problems/no-such-entry"


@then("no other key has it")
def _(annals: Annals, kept: Kept) -> None:
    for other in (kept.key + "/", "/" + kept.key, kept.key.strip("/.") or "x"):
        if other != kept.key:
            assert not there(annals, other), other
    assert send(annals, "DELETE", kept.key).status_code == 204
    assert not there(annals, kept.key)


@then("it is refused as invalid")
def _(world: World) -> None:
    assert world.problem(422)["errors"][0]["code"] == "key"


@then(parsers.parse("{count:d} values were dropped"))
def _(world: World, count: int) -> None:
    assert world.last.json() == {"invalidated": count}


@then("only the others are there")
def _(annals: Annals, kept: Kept) -> None:
    assert [there(annals, key) for key in kept.tagged] == [False] * 3
    assert [there(annals, key) for key in kept.others] == [True] * 2


@then("the history says who has dropped it")
def _(annals: Annals, world: World, kept: Kept) -> None:
    headers = {"annals-consistent-after": world.last.headers["annals-position"]}
    history = annals.as_owner("GET", "/v1/cache/history?limit=1000", headers=headers).json()
    event = history["items"][-1]
    assert (event["type"], sorted(event["data"]["tags"])) == (
        "cache.invalidated",
        sorted([kept.tag, "unheard of"]),
    )
    assert event["meta"]["actor"].startswith("api-key/")


@then("both answers are the same")
def _(world: World) -> None:
    first, second = world.answers
    assert first.json() == second.json() == {"invalidated": 3}
    assert second.headers["idempotent-replayed"] == "true"


@then("there is nothing for whoever has seen that")
def _(annals: Annals, world: World, kept: Kept) -> None:
    seen = world.last.headers["annals-position"]
    answer = send(annals, "GET", kept.key, annals_consistent_after=seen)
    assert answer.status_code == 404, answer.text


@then(parsers.parse("there are {entries:d} entries, {hits:d} hits and {misses:d} misses more"))
def _(annals: Annals, kept: Kept, entries: int, hits: int, misses: int) -> None:
    now = annals.as_owner("GET", "/v1/cache").json()
    more = {name: now[name] - kept.before[name] for name in ("entries", "hits", "misses")}
    assert more == {"entries": entries, "hits": hits, "misses": misses}
    assert now["bytes"] - kept.before["bytes"] >= 3 * len(VALUE)
