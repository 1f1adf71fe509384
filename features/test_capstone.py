"""Steps of the capstone."""

from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals
from tests.support.target import Target

scenarios("capstone.feature")


@given(
    parsers.parse('an action behind the flag "{flag}" and a limit of {limit:d} requests per minute')
)
def _(annals: Annals, world: World, target: Target, flag: str, limit: int) -> None:
    world.flag, world.limit = annals.unique(flag), annals.unique("limit")
    world.action = annals.unique("action")
    annals.define_limit(world.limit, limit=limit)
    annals.define_flag(world.flag, enabled=False)
    annals.define_action(world.action, target.url(world.action), flag=world.flag, limit=world.limit)


@given("the feature flag is enabled")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/enable").status_code == 200


@given("the feature flag is disabled")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/disable").status_code == 200


@given("the request is under the rate limit")
def _(annals: Annals, world: World) -> None:
    limit = annals.as_owner("GET", f"/v1/limits/{world.limit}").json()
    assert limit["limit"] == 10


@given(parsers.parse("the target fails {times:d} times"))
def _(world: World, target: Target, times: int) -> None:
    target.fail(world.action, times)


@given("the target keeps failing")
def _(world: World, target: Target) -> None:
    target.fail_always(world.action)


@given("the target keeps failing slowly")
def _(annals: Annals, world: World, target: Target) -> None:
    target.fail_always(world.action)
    annals.define_action(
        world.action,
        target.url(world.action),
        flag=world.flag,
        retry={"max_attempts": 5, "base": "1h", "cap": "2h"},
    )


@given(parsers.parse("the user has triggered the action {times:d} times"))
def _(annals: Annals, world: World, times: int) -> None:
    for _ in range(times):
        answer = annals.trigger(world.token, world.action)
        assert answer.status_code == 202, answer.text


@given("the user has triggered the action")
@when("the user triggers the action")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.trigger(world.token, world.action)
    world.job = world.answer.json().get("id", "")


@when("the user triggers the action twice with the same key")
def _(annals: Annals, world: World) -> None:
    headers = {"idempotency-key": annals.unique("order")}
    world.answers = [annals.trigger(world.token, world.action, headers=headers) for _ in range(2)]
    world.job = world.answers[0].json()["id"]


@when("the user triggers the action and then cancels the job")
def _(annals: Annals, world: World, target: Target) -> None:
    world.job = annals.trigger(world.token, world.action).json()["id"]
    target.wait_for(world.action, 1)
    annals.job_in(world.job, "retrying")
    world.answer = annals.as_owner("POST", f"/v1/jobs/{world.job}/cancel")


@when("a stranger triggers the action")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.trigger("", world.action)


@when("the user triggers the action with bad input")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.trigger(world.token, world.action, body={"input": {"to": 7}})


@when("the user triggers an action that nobody has defined")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.trigger(world.token, "nobody-knows")


@when("another user asks for the job")
def _(annals: Annals, world: World) -> None:
    other = annals.signed_in()
    world.answer = annals.request("GET", f"/v1/jobs/{world.job}", token=other.token)


@then("a job is queued")
def _(world: World) -> None:
    assert world.last.status_code == 202, world.last.text
    assert world.last.json()["state"] == "queued"
    assert world.last.headers["annals-position"]


@then("the job succeeds")
def _(annals: Annals, world: World) -> None:
    job = annals.job_in(world.job, "succeeded", "dead")
    assert job["state"] == "succeeded"
    assert job["action"] == world.action


@then("its execution is logged")
def _(annals: Annals, world: World) -> None:
    assert [entry["type"] for entry in annals.job_log(world.job)] == [
        "job.queued",
        "job.started",
        "job.succeeded",
    ]


@then("every step can be read back from the event log")
def _(annals: Annals, world: World) -> None:
    queued = annals.events(stream=f"job/{world.job}")[0]
    related = annals.events(correlation=queued["meta"]["correlation_id"])
    assert [event["type"] for event in related] == ["job.queued", "job.started", "job.succeeded"]
    causes = [event["meta"]["causation_id"] for event in related]
    assert causes == [None, queued["meta"]["id"], queued["meta"]["id"]]
    assert world.user is not None
    assert queued["meta"]["actor"] == f"account/{world.user.account}"


@then(parsers.parse("the target was called {times:d} times with one idempotency key"))
def _(world: World, target: Target, times: int) -> None:
    calls = target.calls_to(world.action)
    assert [call.attempt for call in calls] == list(range(1, times + 1))
    assert {call.key for call in calls} == {world.job}
    assert calls[-1].body == {"to": "ada"}


@then("each retry is logged with its cause")
def _(annals: Annals, world: World) -> None:
    failed = [entry for entry in annals.job_log(world.job) if entry["type"] == "job.attempt_failed"]
    assert [entry["data"]["attempt"] for entry in failed] == [1, 2]
    assert {entry["data"]["status"] for entry in failed} == {503}


@then("the job becomes a dead letter")
def _(annals: Annals, world: World) -> None:
    job = annals.job_in(world.job, "dead")
    assert job["attempts"] == 4
    assert world.job in annals.dead_letters()


@then("it succeeds when the target works again and it is requeued")
def _(annals: Annals, world: World, target: Target) -> None:
    target.mend(world.action)
    assert annals.as_owner("POST", f"/v1/jobs/{world.job}/requeue").status_code == 202
    assert annals.job_in(world.job, "succeeded")["attempts"] == 5


@then("both answers name the same job")
def _(world: World) -> None:
    first, second = world.answers
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second.headers["idempotent-replayed"] == "true"


@then("the target is called once")
def _(annals: Annals, world: World, target: Target) -> None:
    annals.job_in(world.job, "succeeded")
    assert target.keys(world.action) == {world.job: 1}


@then("the job is cancelled")
def _(annals: Annals, world: World) -> None:
    assert world.last.status_code == 200, world.last.text
    assert annals.job_in(world.job, "cancelled")["attempts"] == 1


@then("the answer is that signing in is needed")
def _(world: World) -> None:
    assert world.problem(401)


@then("the refusal names the flag")
def _(world: World) -> None:
    assert world.problem(403)["flag"] == world.flag


@then("the answer is to come back later")
def _(world: World) -> None:
    assert world.problem(429)["limit"] == world.limit
    assert int(world.last.headers["retry-after"]) >= 1
    assert "ratelimit" in world.last.headers
    assert "ratelimit-policy" in world.last.headers


@then("the answer points at what is wrong")
def _(world: World) -> None:
    assert [error["pointer"] for error in world.problem(422)["errors"]] == ["/input/to"]


@then("the answer is that there is no such action")
def _(world: World) -> None:
    assert world.problem(404)["type"].endswith("no-such-action")


@then("the answer is that there is no such job")
def _(world: World) -> None:
    assert world.problem(404)["type"].endswith("no-such-job")
