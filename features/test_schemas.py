"""Steps of the schemas."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals

scenarios("schemas.feature")

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "mail": {"type": "string", "format": "email"},
        "lines": {"type": "array", "items": {"type": "string"}},
    },
}
STRICTER = {**ORDER, "required": ["id", "lines", "mail"]}
WIDER = {**ORDER, "required": ["id"]}


@dataclass
class Registry:
    """One scenario's schema, action, and what came of it."""

    annals: Annals
    name: str = ""
    action: str = ""
    jobs: list[str] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    trials: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, schema: Any, compatibility: str | None = None) -> httpx.Response:
        body = {"schema": schema} | ({"compatibility": compatibility} if compatibility else {})
        return self.annals.as_owner("PUT", f"/v1/schemas/{self.name}", body)

    def get(self, what: str = "") -> Any:
        response = self.annals.as_owner("GET", f"/v1/schemas/{self.name}{what}")
        assert response.status_code == 200, response.text
        return response.json()

    def send(self, text: str, media_type: str = "application/json", query: str = "") -> Any:
        return self.annals.http.post(
            f"/v1/schemas/{self.name}/validate{query}",
            content=text.encode(),
            headers={"authorization": f"Bearer {self.annals.owner}", "content-type": media_type},
        )

    def run(self, value: Any) -> httpx.Response:
        path = f"/v1/actions/{self.action}/runs"
        return self.annals.as_owner("POST", path, {"input": value})

    def try_draft(self, schema: Any, query: str = "") -> Any:
        response = self.annals.as_owner(
            "POST", f"/v1/schemas/{self.name}/try{query}", {"schema": schema}
        )
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def registry(annals: Annals) -> Registry:
    return Registry(annals)


@given("a schema of orders that must stay backward compatible")
def _(annals: Annals, registry: Registry) -> None:
    registry.name = annals.unique("order")
    assert registry.publish(ORDER, "backward").status_code == 201


@given("a schema of orders without any promise")
def _(annals: Annals, registry: Registry) -> None:
    registry.name = annals.unique("order")
    assert registry.publish(ORDER, "none").status_code == 201


@given("a second version that was published later")
def _(registry: Registry) -> None:
    assert registry.publish(WIDER).status_code == 201


@given("a schema whose pattern is known to run for ever")
def _(annals: Annals, registry: Registry) -> None:
    registry.name = annals.unique("pattern")
    assert registry.publish({"pattern": r"(a*)*\1b"}).status_code == 201


@given("an action that names the schema")
def _(annals: Annals, registry: Registry) -> None:
    registry.action = annals.unique("ship")
    body = {"executor": {"kind": "log"}, "schema": registry.name}
    response = annals.as_owner("PUT", f"/v1/actions/{registry.action}", body)
    assert response.status_code == 201, response.text
    assert response.json()["schema"] == registry.name


@given("the action has run with 5 inputs, two of them without mail")
def _(registry: Registry) -> None:
    for number in range(1, 6):
        value = {"id": number, "lines": [], "mail": "ada@example.org"}
        if number in (2, 4):
            del value["mail"]
        response = registry.run(value)
        assert response.status_code == 202, response.text
        if "mail" not in value:
            registry.jobs.append(response.json()["id"])


@when("its owner publishes a version that takes more")
def _(registry: Registry) -> None:
    assert registry.publish(WIDER).json()["version"] == 2


@when("its owner publishes a version that takes less")
def _(registry: Registry, world: World) -> None:
    world.answer = registry.publish(STRICTER)


@when("8 publishers publish 8 different versions at once")
def _(registry: Registry, world: World) -> None:
    drafts = [{**ORDER, "title": f"draft {n}"} for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        world.answers = list(pool.map(registry.publish, drafts))


@when("somebody asks for the schema as it was before that")
def _(registry: Registry) -> None:
    first = registry.get("/history")["items"][0]["position"]
    registry.verdicts = [registry.get(f"?position={first}")]


@when("an order with three faults is validated")
def _(registry: Registry) -> None:
    answer = registry.send('{"value":{"id":"seven","mail":"nobody"}}')
    registry.verdicts = [answer.json()]


@when("1000 orders are validated at once, every tenth of them wrong")
def _(registry: Registry) -> None:
    orders = [{"id": 0 if n % 10 == 0 else n, "lines": []} for n in range(1, 1001)]
    text = "\n".join(map(json.dumps, orders))
    answer = registry.send(text, "application/x-ndjson", "?only=invalid")
    assert answer.headers["annals-validated"] == "lines=1000, valid=900, invalid=100"
    registry.verdicts = [json.loads(line) for line in answer.text.splitlines()]


@when("a text that it would run for ever on is validated")
def _(registry: Registry) -> None:
    registry.verdicts = [registry.send(json.dumps({"value": "a" * 5000})).json()]


@when("values with doubled members, not-a-number and boundless numbers are validated")
def _(registry: Registry) -> None:
    values = ('{"id":1,"id":2,"lines":[]}', '{"id":NaN,"lines":[]}', '{"id":1e9999,"lines":[]}')
    registry.verdicts = [registry.send(f'{{"value":{value}}}').json() for value in values]


@when("the action is run with an input that breaks it")
def _(registry: Registry, world: World) -> None:
    world.answer = registry.run({"id": "seven", "lines": []})


@when("an action is defined that names an unknown schema")
def _(annals: Annals, world: World) -> None:
    body = {"executor": {"kind": "log"}, "schema": "nobody-published-this"}
    world.answer = annals.as_owner("PUT", f"/v1/actions/{annals.unique('ship')}", body)


@when("a version is published that also takes texts as ids")
def _(registry: Registry, world: World) -> None:
    ids = {"type": ["integer", "string"]}
    wider = {**ORDER, "properties": {**ORDER["properties"], "id": ids}}
    world.answer = registry.publish(wider)
    assert world.answer.status_code == 201


@when("a draft that requires mail is tried")
def _(registry: Registry) -> None:
    registry.trials = [registry.try_draft(STRICTER)]
    assert registry.trials[0]["next"] is None


@when("a draft that requires mail is tried one refusal at a time")
def _(registry: Registry) -> None:
    query = "?limit=1"
    while True:
        registry.trials.append(registry.try_draft(STRICTER, query))
        if registry.trials[-1]["next"] is None:
            return
        query = f"?limit=1&cursor={registry.trials[-1]['next']}"


@when("the user publishes a schema")
def _(annals: Annals, world: World) -> None:
    path = f"/v1/schemas/{annals.unique('mine')}"
    world.answer = annals.request("PUT", path, token=world.token, body={"schema": True})


@then(parsers.re(r"the schema has (?P<count>\d+) versions?"))
def _(registry: Registry, count: str) -> None:
    assert len(registry.get("/versions")["items"]) == int(count)


@then("the first version is still shown as it was published")
def _(registry: Registry) -> None:
    assert registry.get("/versions/1")["schema"] == ORDER


@then("every publisher was told another number")
def _(world: World) -> None:
    assert {answer.status_code for answer in world.answers} == {201}
    assert sorted(answer.json()["version"] for answer in world.answers) == list(range(2, 10))


@then("the first version is shown")
def _(registry: Registry) -> None:
    (shown,) = registry.verdicts
    assert (shown["version"], shown["schema"]) == (1, ORDER)


@then(parsers.parse('the refusal points at "{pointer}" with the code "{code}"'))
def _(world: World, pointer: str, code: str) -> None:
    problem = world.last.json()
    assert 400 <= world.last.status_code < 500
    assert (pointer, code) in [(each["pointer"], each["code"]) for each in problem["errors"]]


@then('the faults are told at "/id", "/lines" and "/mail"')
def _(registry: Registry) -> None:
    (verdict,) = registry.verdicts
    assert not verdict["valid"]
    found = {each["pointer"]: each for each in verdict["errors"]}
    assert {pointer: each["code"] for pointer, each in found.items()} == {
        "/id": "type",
        "/lines": "required",
        "/mail": "format",
    }
    assert found["/id"]["received"] == "string"
    assert found["/lines"]["received"] is None
    assert all(each["detail"] for each in found.values())


@then("exactly the wrong ones are told, by their line")
def _(registry: Registry) -> None:
    assert [each["line"] for each in registry.verdicts] == list(range(10, 1001, 10))
    assert {error["code"] for each in registry.verdicts for error in each["errors"]} == {"minimum"}


@then("the answer is that the pattern took too long")
def _(registry: Registry) -> None:
    (verdict,) = registry.verdicts
    assert [each["code"] for each in verdict["errors"]] == ["pattern-time"]


@then("each of them has the code of what is wrong with it")
def _(registry: Registry) -> None:
    codes = [each["code"] for verdict in registry.verdicts for each in verdict["errors"]]
    assert codes == ["duplicate-key", "not-finite", "number"]


@then("the action takes an input with a text as its id")
def _(registry: Registry, world: World) -> None:
    after = {"annals-consistent-after": world.last.headers["annals-position"]}
    path = f"/v1/actions/{registry.action}/runs"
    body = {"input": {"id": "seven", "lines": []}}
    response = registry.annals.as_owner("POST", path, body, headers=after)
    assert response.status_code == 202, response.text


@then("the 2 runs without mail are listed with what is missing")
def _(registry: Registry) -> None:
    items = [item for trial in registry.trials for item in trial["items"]]
    assert [item["id"] for item in items] == registry.jobs
    for item in items:
        assert (item["kind"], item["name"]) == ("job", registry.action)
        assert [(e["pointer"], e["code"]) for e in item["errors"]] == [("/mail", "required")]
    assert sum(trial["looked_at"] for trial in registry.trials) == 5
    assert sum(trial["unreadable"] for trial in registry.trials) == 0


@then("nothing was published")
def _(registry: Registry) -> None:
    assert registry.get()["versions"] == 1
