"""Steps of the experiments."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import PATIENCE, Annals

scenarios("experiments.feature")


class Experiment:
    """One experiment of the scenario, as a client sees it."""

    def __init__(self, annals: Annals, world: World) -> None:
        self.annals = annals
        self.flag = world.flag
        self.path = f"/v1/experiments/{world.flag}"

    def begin(self, *metrics: dict[str, str]) -> None:
        variants = [
            {"name": "red", "weight": 500, "stickiness": "userId"},
            {"name": "blue", "weight": 500, "stickiness": "userId"},
        ]
        self.annals.define_flag(self.flag, rules=[{}], variants=variants)
        body = {"flag": self.flag, "control": "red", "metrics": metrics}
        assert self.annals.as_owner("PUT", self.path, body).status_code == 201
        started = self.annals.as_owner("POST", f"{self.path}/start")
        assert started.json()["state"] == "running"
        seen = {"annals-consistent-after": started.headers["annals-position"]}
        evaluate = f"/v1/flags/{self.flag}/explain"  # so that whoever answers knows of the start
        assert self.annals.as_owner("POST", evaluate, {}, seen).status_code == 200

    def expose(self, *exposures: tuple[str, str]) -> httpx.Response:
        told = [{"subject": user, "variant": variant} for user, variant in exposures]
        return self._told("exposures", told)

    def convert(self, *conversions: dict[str, Any]) -> httpx.Response:
        return self._told("conversions", list(conversions))

    def _told(self, what: str, told: list[dict[str, Any]]) -> httpx.Response:
        answer = self.annals.as_owner("POST", f"{self.path}/{what}", {what: told})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"accepted": len(told)}
        return answer

    def results(self, query: str = "", after: str = "") -> dict[str, Any]:
        headers = {"annals-consistent-after": after} if after else {}
        answer = self.annals.as_owner("GET", f"{self.path}/results{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def results_when(self, enough: Callable[[dict[str, Any]], bool], after: str) -> dict[str, Any]:
        """The results, once they are enough."""
        deadline = time.monotonic() + PATIENCE
        while not enough(found := self.results(after=after)):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found


def by_variant(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    [metric] = results["metrics"]
    return {variant["variant"]: variant for variant in metric["variants"]}


@given("an experiment on a flag that is running")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("buttons")
    Experiment(annals, world).begin({"key": "bought"})


@given("an experiment on how much is spent")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("spending")
    Experiment(annals, world).begin({"key": "spent", "kind": "mean"})


@when(parsers.parse("{users:d} users are served the flag, and those with blue buy"))
def _(annals: Annals, world: World, users: int) -> None:
    experiment = Experiment(annals, world)
    for _ in range(2):
        for number in range(users):
            context = {"targetingKey": f"user-{number}"}
            found = annals.evaluate(world.flag, context)
            world.seen.append({"user": f"user-{number}", "variant": found["variant"]["name"]})
    world.seen = world.seen[:users]
    buyers = [each["user"] for each in world.seen if each["variant"] == "blue"]
    lucky = next(each["user"] for each in world.seen if each["variant"] == "red")
    doubtful = buyers.pop()
    assert doubtful != lucky
    world.answer = experiment.convert(*({"subject": user} for user in [*buyers, lucky]))


@then("the results count each user once, and all conversions of blue")
def _(annals: Annals, world: World) -> None:
    position = world.last.headers["annals-position"]
    found = Experiment(annals, world).results_when(
        lambda now: now["users"] >= len(world.seen), position
    )
    served = [each["variant"] for each in world.seen]
    assert found["split"]["observed"] == {name: served.count(name) for name in ("red", "blue")}
    variants = by_variant(found)
    assert variants["blue"]["conversions"] == served.count("blue") - 1
    assert variants["red"]["conversions"] == 1
    assert found["excluded"] == 0
    assert found["split"]["even"] is True


@then("blue does more than red, however often one looks")
def _(annals: Annals, world: World) -> None:
    blue = by_variant(Experiment(annals, world).results())["blue"]
    for effect in (blue["absolute"], blue["relative"]):
        assert effect["uplift"] > 0
        low, high = effect["sequential_interval"]
        assert low < effect["interval"][0] < effect["uplift"] < effect["interval"][1] < high
    assert blue["absolute"]["sequential_p_value"] < 0.05
    assert "blue does more than red" in blue["verdict"]


@when("a client says that one user was served both variants, and another one red")
def _(annals: Annals, world: World) -> None:
    told = (("ada", "red"), ("ada", "blue"), ("bob", "red"))
    world.answer = Experiment(annals, world).expose(*told)


@then("one user takes part, and one is excluded")
def _(annals: Annals, world: World) -> None:
    position = world.last.headers["annals-position"]
    found = Experiment(annals, world).results(after=position)
    assert (found["users"], found["excluded"]) == (1, 1)


@when("a user buys, is served red, and another one is served red and buys")
def _(annals: Annals, world: World) -> None:
    experiment = Experiment(annals, world)
    experiment.convert({"subject": "early"})
    experiment.expose(("early", "red"), ("late", "red"))
    world.answer = experiment.convert({"subject": "late"}, {"subject": "late"})


@then("one of the two has converted")
def _(annals: Annals, world: World) -> None:
    found = Experiment(annals, world).results(after=world.last.headers["annals-position"])
    red = by_variant(found)["red"]
    assert (red["users"], red["conversions"], red["rate"]) == (2, 1, 0.5)


@when("a user is served red, the experiment is stopped, and the user buys")
def _(annals: Annals, world: World) -> None:
    experiment = Experiment(annals, world)
    experiment.expose(("ada", "red"))
    assert annals.as_owner("POST", f"{experiment.path}/stop").json()["state"] == "stopped"
    world.answer = experiment.convert({"subject": "ada"})


@then("nobody has converted")
def _(annals: Annals, world: World) -> None:
    found = Experiment(annals, world).results(after=world.last.headers["annals-position"])
    red = by_variant(found)["red"]
    assert (red["users"], red["conversions"]) == (1, 0)


@when(parsers.parse("a client says that {red:d} users were served red and {blue:d} blue"))
@when(parsers.parse("later that {red:d} users were served red and {blue:d} blue"))
def _(annals: Annals, world: World, red: int, blue: int) -> None:
    variants = ["red"] * red + ["blue"] * blue
    begin = len(world.answers) * 1000
    told = [(f"user-{begin + number}", variant) for number, variant in enumerate(variants)]
    world.answer = Experiment(annals, world).expose(*told)
    world.answers.append(world.answer)
    world.seen.append({"at": datetime.now(UTC).isoformat().replace("+00:00", "Z")})


@then("the results are not to be trusted")
def _(annals: Annals, world: World) -> None:
    found = Experiment(annals, world).results(after=world.last.headers["annals-position"])
    assert found["split"]["even"] is False
    assert found["split"]["p_value"] < 1e-9
    assert "must not be trusted" in found["split"]["verdict"]


@when("users of red spend 1, 2 and 3, and users of blue spend nothing, 10 and 20 in two parts")
def _(annals: Annals, world: World) -> None:
    experiment = Experiment(annals, world)
    red, blue = [("r1", 1), ("r2", 2), ("r3", 3)], [("b2", 10), ("b3", 15), ("b3", 5)]
    users = {user: "red" for user, _ in red} | {"b1": "blue", "b2": "blue", "b3": "blue"}
    experiment.expose(*users.items())
    world.answer = experiment.convert(
        *({"subject": user, "metric": "spent", "value": value} for user, value in red + blue)
    )


@then("the means are 2 and 10")
def _(annals: Annals, world: World) -> None:
    found = Experiment(annals, world).results(after=world.last.headers["annals-position"])
    variants = by_variant(found)
    assert {name: each["rate"] for name, each in variants.items()} == {"red": 2.0, "blue": 10.0}
    assert variants["blue"]["absolute"]["uplift"] == 8.0
    assert variants["blue"]["relative"]["uplift"] == 4.0


@then(parsers.parse("the results as they were have {before:d} users, and now {now:d}"))
def _(annals: Annals, world: World, before: int, now: int) -> None:
    first, last = (answer.headers["annals-position"] for answer in world.answers)
    experiment = Experiment(annals, world)
    assert experiment.results(after=last)["users"] == now
    assert experiment.results(f"?position={first}", after=last)["users"] == before
