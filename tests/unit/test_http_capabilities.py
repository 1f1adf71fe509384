"""What each capability's routes promise, over a platform in memory."""

from typing import Any

from tests.support.http_platform import OWNER, Api, opened_api

LIMIT = {"algorithm": "fixed_window", "limit": 2, "window": "60s", "scope": "account"}
ACTION = {
    "flag": "beta",
    "limit": "calls",
    "input_schema": {
        "type": "object",
        "properties": {"to": {"type": "string"}},
        "required": ["to"],
    },
    "executor": {"kind": "http", "url": "http://127.0.0.1:9/x", "timeout": "5s"},
    "retry": {"max_attempts": 3, "base": "200ms", "cap": "30s"},
}


async def define(api: Api, **change: Any) -> None:
    await api.owner("PUT", "/v1/limits/calls", LIMIT)
    await api.owner("PUT", "/v1/flags/beta", {"enabled": True, "rollout": 100})
    answer = await api.owner("PUT", "/v1/actions/greet", {**ACTION, **change})
    assert answer.status_code == 201, answer.text


async def test_the_capstone_runs_to_a_queued_job(api: Api) -> None:
    await define(api)
    token = await api.sign_in()

    answer = await api.ask("POST", "/v1/actions/greet/runs", {"input": {"to": "x"}}, token=token)

    assert answer.status_code == 202
    assert answer.json()["state"] == "queued"
    assert answer.headers["ratelimit"] == '"calls";r=1;t=60'
    assert answer.headers["ratelimit-policy"] == '"calls";q=2;w=60'
    assert answer.headers["annals-position"]
    job = await api.ask("GET", answer.headers["location"], token=token)
    assert job.json() == {
        "id": answer.json()["id"],
        "action": "greet",
        "state": "queued",
        "attempts": 0,
        "requester": job.json()["requester"],
        "retry_at": None,
        "version": 1,
    }
    log = await api.ask("GET", f"{answer.headers['location']}/log", token=token)
    assert [each["type"] for each in log.json()["items"]] == ["job.queued"]
    assert log.json()["items"][0]["data"]["input"] == {"to": "x"}


async def test_whoever_may_not_trigger_is_told_why(api: Api) -> None:
    await define(api)
    token = await api.sign_in()
    path, body = "/v1/actions/greet/runs", {"input": {"to": "x"}}

    stranger = await api.ask("POST", path, body)
    bad = await api.ask("POST", path, {"input": {"to": 7}}, token=token)
    unknown = await api.ask("POST", "/v1/actions/nope/runs", body, token=token)
    fine = await api.ask("POST", path, body, token=token)
    over = await api.ask("POST", path, body, token=token)
    await api.owner("POST", "/v1/flags/beta/disable")
    off = await api.ask("POST", path, body, token=token)

    assert stranger.status_code == 401
    assert stranger.headers["www-authenticate"].startswith("Bearer")
    assert bad.status_code == 422
    assert [each["pointer"] for each in bad.json()["errors"]] == ["/input/to"]
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/no-such-action")
    assert fine.status_code == 202
    assert (over.status_code, over.json()["limit"]) == (429, "calls")
    assert over.headers["retry-after"] == "60"
    assert over.headers["ratelimit"] == '"calls";r=0;t=60'
    assert (off.status_code, off.json()["flag"]) == (403, "beta")


async def test_another_persons_job_does_not_exist(api: Api) -> None:
    await define(api)
    hers, his = await api.sign_in(), await api.sign_in("bob@example.org")
    run = await api.ask("POST", "/v1/actions/greet/runs", {"input": {"to": "x"}}, token=hers)

    for path in (run.headers["location"], f"{run.headers['location']}/log"):
        answer = await api.ask("GET", path, token=his)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-such-job")


async def test_a_put_creates_then_redefines_then_changes_nothing(api: Api) -> None:
    body = {"enabled": True, "rollout": 50}
    first = await api.owner("PUT", "/v1/flags/new.ui", body)
    again = await api.owner("PUT", "/v1/flags/new.ui", body)
    other = await api.owner("PUT", "/v1/flags/new.ui", {**body, "rollout": 60})

    assert (first.status_code, first.headers["location"]) == (201, "/v1/flags/new.ui")
    assert again.status_code == other.status_code == 200
    assert again.headers["etag"] == first.headers["etag"] != other.headers["etag"]
    assert "location" not in again.headers
    assert other.json()["rollout"] == 60


async def test_if_match_names_the_version_that_was_read(api: Api) -> None:
    read = await api.owner("PUT", "/v1/flags/a", {"enabled": True})
    await api.owner("POST", "/v1/flags/a/disable")

    stale = await api.owner("POST", "/v1/flags/a/enable", if_match=read.headers["etag"])
    foreign = await api.owner("POST", "/v1/flags/a/enable", if_match='"abc"')
    wrong = await api.owner("POST", "/v1/flags/a/enable", if_match="v1")
    current = (await api.owner("GET", "/v1/flags/a")).headers["etag"]
    fine = await api.owner("POST", "/v1/flags/a/enable", if_match=current)

    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale-version")
    assert foreign.status_code == 412
    assert foreign.json()["detail"] == "The current version is 3; read it again."
    assert wrong.status_code == 422
    assert fine.status_code == 200


async def test_a_flag_can_be_seen_as_it_was(api: Api) -> None:
    on = await api.owner("PUT", "/v1/flags/a", {"enabled": True})
    await api.owner("POST", "/v1/flags/a/disable")
    history = (await api.owner("GET", "/v1/flags/a/history")).json()["items"]

    before = await api.owner("GET", f"/v1/flags/a?position={on.headers['annals-position']}")
    moment = history[-2]["recorded_at"]
    then = await api.owner("GET", f"/v1/flags/a?at={moment}")
    ancient = await api.owner("GET", "/v1/flags/a?at=2001-01-01T00:00:00Z")
    both = await api.owner("GET", "/v1/flags/a?at=2001-01-01T00:00:00Z&position=0")

    assert [each["type"] for each in history] == ["flag.defined", "flag.enabled", "flag.disabled"]
    assert before.json()["enabled"] is True
    assert then.json()["enabled"] is True
    assert ancient.status_code == 404
    assert both.status_code == 422


async def test_an_answer_is_replayed_under_its_key(api: Api) -> None:
    await define(api)
    path, body = "/v1/actions/greet/runs", {"input": {"to": "x"}}
    first = await api.owner("POST", path, body, idempotency_key="k-1")
    second = await api.owner("POST", path, body, idempotency_key='"k-1"')
    other = await api.owner("POST", path, {"input": {"to": "y"}}, idempotency_key="k-1")
    bad = await api.owner("POST", path, body, idempotency_key="")

    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["annals-position"] == first.headers["annals-position"]
    assert "idempotent-replayed" not in first.headers
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert bad.status_code == 422


async def test_a_refusal_is_replayed_under_its_key(api: Api) -> None:
    first = await api.owner("POST", "/v1/flags/none/enable", idempotency_key="k")
    await api.owner("PUT", "/v1/flags/none", {"enabled": False})
    second = await api.owner("POST", "/v1/flags/none/enable", idempotency_key="k")

    assert first.status_code == second.status_code == 404
    assert first.content == second.content
    assert second.headers["content-type"] == "application/problem+json"
    assert second.headers["idempotent-replayed"] == "true"


async def test_a_limit_counts_each_key(api: Api) -> None:
    await api.owner("PUT", "/v1/limits/calls", LIMIT)
    path = "/v1/limits/calls/check"
    answers = [await api.owner("POST", path, {"key": "203.0.113.7"}) for _ in range(3)]
    other = await api.owner("POST", path, {"key": "203.0.113.8"})

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.json()["remaining"] for each in answers[:2]] == [1, 0]
    assert answers[2].headers["ratelimit"].startswith('"calls";r=0')
    assert other.json()["remaining"] == 1


async def test_a_limit_that_cannot_be_counted_allows(api: Api) -> None:
    await api.owner("PUT", "/v1/limits/calls", LIMIT)
    api.platform.counter.down = True
    answer = await api.owner("POST", "/v1/limits/calls/check", {"key": "a"})
    assert (answer.status_code, answer.json()["allowed"]) == (200, True)


async def test_a_session_begins_and_ends(api: Api) -> None:
    body = {"email": "ada@example.org", "password": "correct horse"}
    created = await api.ask("POST", "/v1/accounts", body)
    taken = await api.ask("POST", "/v1/accounts", body)
    wrong = await api.ask("POST", "/v1/sessions", {**body, "password": "wrong horse"})
    signed_in = await api.ask("POST", "/v1/sessions", body, host="localhost")
    api.http.cookies.clear()
    token = signed_in.json()["token"]
    current = await api.ask("GET", "/v1/sessions/current", token=token)
    out = await api.ask("DELETE", "/v1/sessions/current", token=token)
    after = await api.ask("GET", "/v1/sessions/current", token=token)

    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/accounts/{created.json()['id']}"
    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/email-taken")
    assert (wrong.status_code, wrong.json()["type"]) == (401, "/problems/wrong-credentials")
    assert signed_in.status_code == 201
    cookie = signed_in.headers["set-cookie"]
    assert cookie.startswith(f"annals_session={token}; ")
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert current.json()["id"] == signed_in.json()["id"]
    assert (out.status_code, out.content) == (204, b"")
    assert after.status_code == 401


async def test_a_cookie_only_counts_where_it_was_meant_to(api: Api) -> None:
    api.http.base_url = "http://localhost"
    token = await api.sign_in()
    cookie, path = f"x=1; annals_session={token}", "/v1/sessions/current"

    async def out(**headers: str) -> int:
        answer = await api.ask("DELETE", path, cookie=cookie, **headers)
        return answer.status_code

    assert (await api.ask("GET", path, cookie=cookie)).status_code == 200
    assert await out() == 403
    assert await out(origin="https://evil.example") == 403
    assert await out(sec_fetch_site="cross-site", origin="http://localhost") == 403
    assert await out(sec_fetch_site="same-site") == 403
    assert await out(origin="null") == 403
    assert await out(origin="http://localhost") == 204


async def test_members_read_neither_events_nor_definitions(api: Api) -> None:
    token = await api.sign_in()
    for path in ("/v1/events", "/v1/flags/a", "/v1/streams/flag/a", "/v1/dead-letters"):
        answer = await api.ask("GET", path, token=token)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/missing-permission")
        assert answer.json()["permission"]


async def test_a_new_role_ends_the_sessions_that_bear_another(api: Api) -> None:
    token = await api.sign_in()
    account = (await api.ask("GET", "/v1/access/current", token=token)).json()["actor"]
    id_ = account.removeprefix("account/")
    granted = await api.owner("PUT", f"/v1/accounts/{id_}/role", {"role": "admin"})
    denied = await api.ask("PUT", f"/v1/accounts/{id_}/role", {"role": "admin"}, token=token)
    admin = await api.sign_in()

    assert granted.json()["role"] == "admin"
    assert denied.status_code == 401
    assert (await api.ask("GET", "/v1/events", token=admin)).status_code == 200
    await api.owner("PUT", f"/v1/accounts/{id_}/role", {"role": "admin"})
    assert (await api.ask("GET", "/v1/events", token=admin)).status_code == 200
    await api.owner("PUT", f"/v1/accounts/{id_}/role", {"role": "member"})
    assert (await api.ask("GET", "/v1/events", token=admin)).status_code == 401


async def test_an_actions_headers_are_shown_to_nobody(api: Api) -> None:
    executor = {**ACTION["executor"], "headers": {"authorization": "very-secret"}}  # type: ignore[dict-item]
    await define(api, executor=executor)
    answer = await api.owner("GET", "/v1/actions/greet")
    events = await api.owner("GET", "/v1/events?limit=1000")

    assert answer.json()["executor"]["headers"] == ["authorization"]
    assert answer.json()["executor"]["timeout"] == "5s"
    assert answer.json()["retry"] == {"max_attempts": 3, "base": "200ms", "cap": "30s"}
    assert "very-secret" not in answer.text + events.text


async def test_a_job_is_cancelled_once_and_requeued(api: Api) -> None:
    await define(api)
    run = await api.owner("POST", "/v1/actions/greet/runs", {"input": {"to": "x"}})
    job = run.headers["location"]
    cancelled = await api.owner("POST", f"{job}/cancel")
    requeued = await api.owner("POST", f"{job}/requeue")
    missing = await api.owner("POST", "/v1/jobs/00000000-0000-7000-8000-000000000000/cancel")

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (requeued.status_code, requeued.json()["state"]) == (202, "queued")
    assert missing.status_code == 404


async def test_events_are_read_page_by_page_and_polled(api: Api) -> None:
    for key in "abc":
        await api.owner("PUT", f"/v1/flags/{key}", {"enabled": False})
    seen, after = [], "0"
    while True:
        page = (await api.owner("GET", f"/v1/events?after={after}&limit=2")).json()
        after = page["next"]
        if not page["items"]:
            break
        seen += page["items"]

    assert [each["position"] for each in seen] == list(range(1, len(seen) + 1))
    event = seen[-1]
    assert event["stream"] == "flag/c"
    assert event["type"] == "flag.defined"
    assert event["meta"]["actor"].startswith("api-key/")
    assert {"token", "version", "data", "recorded_at"} <= event.keys()
    assert "secret_hash" not in str(seen) or '"hidden"' not in str(seen)
    await api.owner("PUT", "/v1/flags/d", {"enabled": False})
    tail = (await api.owner("GET", f"/v1/events?after={after}")).json()
    assert [each["stream"] for each in tail["items"]] == ["flag/d"]


async def test_events_are_found_by_what_they_are(api: Api) -> None:
    correlation = "0190f3a2-7b6e-7cc0-8d3a-1f2e3d4c5b6a"
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    done = await api.owner(
        "PUT", "/v1/flags/a", {"enabled": True}, correlation_id=correlation, traceparent=trace
    )
    await api.owner("PUT", "/v1/flags/b", {"enabled": True})

    assert done.headers["correlation-id"] == correlation
    by_correlation = (await api.owner("GET", f"/v1/events?correlation={correlation}")).json()
    by_stream = (await api.owner("GET", "/v1/events?stream=flag/a")).json()
    by_type = (await api.owner("GET", "/v1/events?type=flag.enabled")).json()
    stream = (await api.owner("GET", "/v1/streams/flag/a")).json()
    assert by_correlation["items"] == by_stream["items"] == stream["items"]
    assert by_stream["items"][0]["meta"]["traceparent"] == trace
    assert [each["stream"] for each in by_type["items"]] == ["flag/a", "flag/b"]
    assert (await api.owner("GET", "/v1/streams/flag/none")).status_code == 404


async def test_a_token_of_another_log_is_gone(api: Api) -> None:
    token = (await api.owner("GET", "/v1/events")).json()["next"]
    async with opened_api() as other:
        for path in (f"/v1/events?after={token}", f"/v1/flags/a?position={token}"):
            answer = await other.owner("GET", path)
            assert answer.status_code == 410
            start = answer.json()["start_again"]
            assert (await other.owner("GET", f"/v1/events?after={start}")).status_code == 200
        late = await other.owner("GET", "/v1/flags/a", annals_consistent_after=token)
        assert late.status_code == 410


async def test_the_key_that_opens_everything_is_checked(api: Api) -> None:
    wrong = OWNER[:-1] + "K"
    for token in (wrong, "annals_x_y", "annals_", "as_", "as_nothing", "x" * 500):
        answer = await api.ask("GET", "/v1/events", authorization=f"Bearer {token}")
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
