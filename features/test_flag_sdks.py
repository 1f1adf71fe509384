"""Steps of the flags' SDKs, which are the published ones, unmodified."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode, FlagNotFoundError, GeneralError
from openfeature.flag_evaluation import Reason
from pytest_bdd import given, parsers, scenarios, then, when
from UnleashClient import UnleashClient

from features.conftest import World
from features.driver import PATIENCE, Annals

scenarios("flag_sdks.feature")

LOOK = 0.02
"""Seconds between looks at a client that learns by itself."""


@dataclass
class Sdk:
    """The clients of one scenario."""

    annals: Annals
    unleash: dict[str, UnleashClient] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    seen: str = ""
    asked: list[Any] = field(default_factory=list)

    def openfeature(self, environment: str = "default") -> OFREPProvider:
        token = f"Bearer *:{environment}.{self.annals.owner}"
        return OFREPProvider(self.annals.url, headers_factory=lambda: {"Authorization": token})

    def client(self, environment: str = "default", **more: Any) -> UnleashClient:
        """Unleash's client, started."""
        token = f"*:{environment}.{self.annals.owner}"
        client = UnleashClient(
            url=f"{self.annals.url}/api",
            app_name=self.annals.unique("app"),
            custom_headers={"Authorization": token},
            refresh_interval=1,
            disable_metrics=True,
            **more,
        )
        client.initialize_client()
        self.unleash[environment] = client
        return client

    def close(self) -> None:
        for client in self.unleash.values():
            client.destroy()


@pytest.fixture
def sdk(annals: Annals) -> Iterator[Sdk]:
    sdk = Sdk(annals)
    yield sdk
    sdk.close()


def until(holds: Callable[[], bool]) -> None:
    """Look until something holds that a client of another's learns by itself."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(LOOK)


def typed(kind: str, payload: str, type_: str) -> dict[str, Any]:
    variant = {"name": "it", "weight": 1000, "payload": {"type": type_, "value": payload}}
    return {"kind": kind, "rules": [{}], "variants": [variant]}


TYPES: dict[str, dict[str, Any]] = {
    "string": typed("string", "green", "string"),
    "integer": typed("number", "7", "number"),
    "float": typed("number", "0.5", "number"),
    "object": typed("json", '{"size": [1, 2]}', "json"),
}


@given("flags of every type")
def _(annals: Annals, sdk: Sdk) -> None:
    sdk.flags = {name: annals.unique(name) for name in ("boolean", *TYPES)}
    annals.define_flag(sdk.flags["boolean"])
    for name, body in TYPES.items():
        annals.define_flag(sdk.flags[name], **body)


@given("flags of every type that are off")
def _(annals: Annals, sdk: Sdk) -> None:
    sdk.flags = {name: annals.unique(name) for name in TYPES}
    for name, body in TYPES.items():
        annals.define_flag(sdk.flags[name], enabled=False, **body)


@given("a limit of one evaluation a minute")
def _(annals: Annals, sdk: Sdk) -> Iterator[None]:
    annals.define_limit("ofrep", limit=1, scope="tenant")
    sdk.flags = {"boolean": annals.unique("limited")}
    annals.define_flag(sdk.flags["boolean"])
    yield
    annals.define_limit("ofrep", limit=1_000_000, scope="tenant")


@given("flags with rules, segments, variants and a prerequisite")
def _(annals: Annals, sdk: Sdk) -> None:
    segment = annals.unique("nordic")
    condition = {
        "kind": "constraint",
        "field": "country",
        "operator": "IN",
        "values": ["NO", "SE"],
    }
    annals.as_owner("PUT", f"/v1/segments/{segment}", {"condition": condition})
    sdk.flags = {name: annals.unique(name) for name in ("base", "rules", "variants", "needs")}
    rollout = {"strategy": "flexibleRollout", "parameters": {"rollout": "40"}}
    annals.define_flag(sdk.flags["base"], rules=[{**rollout, "condition": condition}])
    ids = {"strategy": "userWithId", "parameters": {"userIds": "7,8"}}
    named = {**rollout, "condition": {"kind": "segment", "segment": segment}}
    annals.define_flag(sdk.flags["rules"], rules=[ids, named])
    variants = [{"name": name, "weight": weight} for name, weight in (("a", 300), ("b", 700))]
    annals.define_flag(sdk.flags["variants"], rules=[rollout], variants=variants)
    annals.define_flag(sdk.flags["needs"], prerequisites=[{"flag": sdk.flags["base"]}])


@given("Unleash's client that polls, and a flag that is on")
def _(annals: Annals, sdk: Sdk, world: World) -> None:
    world.flag = annals.unique("polled")
    world.answer = annals.define_flag(world.flag)
    client = sdk.client()
    until(lambda: bool(client.is_enabled(world.flag)))


@given("Unleash's client that listens, and a flag that is on")
def _(annals: Annals, sdk: Sdk, world: World) -> None:
    world.flag = annals.unique("streamed")
    world.answer = annals.define_flag(world.flag)
    client = sdk.client(experimental_mode={"type": "streaming"})
    until(lambda: bool(client.is_enabled(world.flag)))


@given("a flag that is on in production alone")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("production")
    annals.define_flag(world.flag, environment="production")


@given("a reader of the stream of changes who goes away")
def _(annals: Annals, sdk: Sdk, world: World) -> None:
    world.flag = annals.unique("watched")
    with told(annals) as lines:
        world.answer = annals.define_flag(world.flag)
        sdk.seen = id_of(lines)


@contextlib.contextmanager
def told(annals: Annals, last_id: str = "") -> Iterator[Iterator[str]]:
    """The lines of the stream of changes, once it is open."""
    headers = {"authorization": f"Bearer {annals.owner}"}
    if last_id:
        headers["last-event-id"] = last_id
    with annals.http.stream("GET", "/ofrep/v1/stream", headers=headers) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("retry:")
        yield lines


def id_of(lines: Iterator[str]) -> str:
    """The id of the next event, which says to ask again."""
    id_ = ""
    for line in lines:
        if line.startswith("id: "):
            id_ = line.removeprefix("id: ")
        if line.startswith("data: "):
            assert '"refetchEvaluation"' in line
            return id_
    raise AssertionError("the stream has ended")


@when("OpenFeature asks twice")
def _(sdk: Sdk) -> None:
    provider, flag = sdk.openfeature(), sdk.flags["boolean"]
    sdk.asked.append(provider.resolve_boolean_details(flag, default_value=False).value)
    for _ in range(2):
        with pytest.raises(GeneralError) as refused:
            provider.resolve_boolean_details(flag, default_value=False)
        sdk.asked.append(str(refused.value.error_message))
    sdk.asked.append(provider.retry_after)


@when("all flags are evaluated twice with the tag of the first answer")
def _(annals: Annals, world: World) -> None:
    first = evaluated_all(annals)
    world.answers = [first, evaluated_all(annals, first.headers["etag"])]


def evaluated_all(annals: Annals, tag: str = "") -> httpx.Response:
    headers = {"if-none-match": tag} if tag else {}
    body = {"context": {"targetingKey": "ada"}}
    return annals.as_owner("POST", "/ofrep/v1/evaluate/flags", body, headers)


@when("an admin switches it off")
@when("an admin switches a flag while the reader is away")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/disable").status_code == 200


@then("OpenFeature gives each value with its variant and reason")
def _(sdk: Sdk) -> None:
    provider, flags = sdk.openfeature(), sdk.flags
    ada = EvaluationContext("ada", {"plan": "paid"})
    on = provider.resolve_boolean_details(flags["boolean"], False, ada)
    assert (on.value, on.reason, on.variant) == (True, Reason.STATIC, "enabled")
    text = provider.resolve_string_details(flags["string"], "grey", ada)
    assert (text.value, text.reason, text.variant) == ("green", Reason.STATIC, "it")
    assert text.flag_metadata["environment"] == "default"
    assert provider.resolve_integer_details(flags["integer"], 1, ada).value == 7
    assert provider.resolve_float_details(flags["float"], 1.0, ada).value == 0.5
    assert provider.resolve_object_details(flags["object"], {}, ada).value == {"size": [1, 2]}


@then("OpenFeature gives the caller's default and says that the flag was not found")
def _(annals: Annals, sdk: Sdk) -> None:
    with pytest.raises(FlagNotFoundError) as refused:
        sdk.openfeature().resolve_string_details(annals.unique("nobody"), "grey")
    assert refused.value.error_code is ErrorCode.FLAG_NOT_FOUND


@then("OpenFeature gives the caller's defaults")
def _(sdk: Sdk) -> None:
    provider, flags = sdk.openfeature(), sdk.flags
    text = provider.resolve_string_details(flags["string"], "grey")
    assert (text.value, text.reason) == ("grey", Reason.DISABLED)
    assert provider.resolve_integer_details(flags["integer"], 1).value == 1
    assert provider.resolve_object_details(flags["object"], {"a": 1}).value == {"a": 1}


@then("the second answer is the caller's default, and nothing is asked until it may be again")
def _(sdk: Sdk) -> None:
    first, second, third, again = sdk.asked
    assert first is True
    assert "retry after" in second
    assert "paused" in third
    assert again is not None


@then("the second answer is that nothing has changed")
def _(world: World) -> None:
    first, second = world.answers
    assert (first.status_code, second.status_code, second.content) == (200, 304, b"")
    assert first.headers["etag"] == second.headers["etag"]
    streams = first.json()["eventStreams"]
    assert streams[0]["type"] == "sse"
    assert streams[0]["url"].endswith("/ofrep/v1/stream")


@then("after a change everything is answered anew")
def _(annals: Annals, sdk: Sdk, world: World) -> None:
    annals.as_owner("POST", f"/v1/flags/{sdk.flags['boolean']}/disable")
    third = evaluated_all(annals, world.answers[0].headers["etag"])
    assert third.status_code == 200
    values = {each["key"]: each["value"] for each in third.json()["flags"] if "value" in each}
    assert values[sdk.flags["boolean"]] is False
    assert values[sdk.flags["string"]] == "green"


@then(parsers.parse("Unleash's client and the platform agree on {count:d} people"))
def _(annals: Annals, sdk: Sdk, count: int) -> None:
    client = sdk.client()
    until(lambda: set(sdk.flags.values()) <= client.feature_definitions().keys())
    enabled = 0
    for number in range(count):
        context = {
            "userId": str(number),
            "properties": {"country": ("NO", "SE", "DK")[number % 3]},
        }
        for name, flag in sdk.flags.items():
            ours = annals.evaluate(flag, context)
            enabled += ours["enabled"]
            assert ours["enabled"] == client.is_enabled(flag, context), (name, context)
            theirs = client.get_variant(flag, context)
            chosen = ours["variant"]["name"] if ours["variant"] else "disabled"
            assert chosen == theirs["name"], (name, context)
    assert 0 < enabled < count * len(sdk.flags)


@then("the client sees it off")
def _(sdk: Sdk, world: World) -> None:
    [client] = sdk.unleash.values()
    until(lambda: not client.is_enabled(world.flag))


@then("only the client of production sees it on")
def _(sdk: Sdk, world: World) -> None:
    production, staging = sdk.client("production"), sdk.client("staging")
    until(lambda: bool(production.is_enabled(world.flag)))
    assert not staging.is_enabled(world.flag)
    assert world.flag in staging.feature_definitions()
    for environment, value in (("production", True), ("staging", False)):
        provider = sdk.openfeature(environment)
        found = provider.resolve_boolean_details(world.flag, default_value=not value)
        assert found.value is value


@then("the reader is told at once on coming back with the last id")
def _(annals: Annals, sdk: Sdk) -> None:
    with told(annals, sdk.seen) as lines:
        assert id_of(lines) not in {"", sdk.seen}
