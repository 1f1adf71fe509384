"""Steps of the reminders."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from adapters.crypto.standard_webhooks import key_of, signature
from features.conftest import World
from features.driver import PATIENCE, Annals, lines_of
from tests.support.mailbox import Mailbox
from tests.support.target import Target

scenarios("reminders.feature")

QUICK = {"max_attempts": 4, "base": "20ms", "cap": "100ms"}


@dataclass
class Told:
    """What one scenario knows about reminders."""

    reminder: dict[str, Any] = field(default_factory=dict)
    place: str = ""
    secret: str = ""
    due: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    tail: str = ""
    watched: list[dict[str, Any]] = field(default_factory=list)
    watcher: threading.Thread | None = None


@pytest.fixture
def told() -> Told:
    return Told()


def make(annals: Annals, token: str = "", **what: Any) -> httpx.Response:
    body = {"title": "tea", "channel": {"kind": "log"}, **what}
    return annals.request("POST", "/v1/reminders", token=token or annals.owner, body=body)


def made(annals: Annals, token: str = "", **what: Any) -> dict[str, Any]:
    response = make(annals, token, **what)
    assert response.status_code == 201, response.text
    return dict(response.json())


def get(annals: Annals, path: str, token: str = "", after: str = "") -> dict[str, Any]:
    headers = {"annals-consistent-after": after} if after else {}
    response = annals.request("GET", path, token=token or annals.owner, headers=headers)
    assert response.status_code == 200, response.text
    return dict(response.json())


def change(annals: Annals, id_: str, **what: Any) -> httpx.Response:
    return annals.as_owner("PATCH", f"/v1/reminders/{id_}", what)


def follow(annals: Annals, stream: str, type_: str, times: int = 1) -> dict[str, Any]:
    """Wait for an event of a stream, and give it."""
    for event in annals.live({"stream": stream, "after": "0"}):
        if event["type"] == type_:
            times -= 1
            if not times:
                return event
    raise AssertionError(type_)


def fired(annals: Annals, id_: str, times: int = 1) -> dict[str, Any]:
    return follow(annals, f"reminder/{id_}", "reminder.fired", times)


# delivered


@given("a receiver of webhooks")
def _(annals: Annals, told: Told) -> None:
    told.place = annals.unique("receiver")


@given(parsers.parse("a receiver that fails {times:d} times"))
def _(annals: Annals, told: Told, target: Target, times: int) -> None:
    told.place = annals.unique("receiver")
    target.fail(told.place, times)


@given("a receiver that always fails")
def _(annals: Annals, told: Told, target: Target) -> None:
    told.place = annals.unique("receiver")
    target.fail_always(told.place)


@when("somebody is to be reminded there in a moment")
def _(annals: Annals, told: Told, target: Target) -> None:
    channel = {"kind": "webhook", "url": target.url(told.place)}
    told.reminder = made(annals, **{"in": "50ms", "channel": channel, "retry": QUICK})
    told.secret = told.reminder["channel"]["secret"]


@then("the receiver gets what was to be said, signed with the reminder's secret")
def _(told: Told, target: Target) -> None:
    [call] = target.wait_for(told.place, 1)
    headers = call.headers
    stamp = int(headers["webhook-timestamp"])
    expected = signature(key_of(told.secret), headers["webhook-id"], stamp, call.raw)
    assert headers["webhook-signature"] == expected
    assert call.body["data"]["title"] == "tea"
    assert call.body["data"]["reminder"] == told.reminder["id"]
    assert abs(stamp - datetime.now(UTC).timestamp()) < 60


@then("the reminder says that it has fired")
def _(annals: Annals, told: Told) -> None:
    event = fired(annals, told.reminder["id"])
    reminder = get(annals, f"/v1/reminders/{told.reminder['id']}")
    assert (reminder["state"], reminder["next_at"]) == ("fired", None)
    assert reminder["last"]["delivery"] == event["data"]["delivery"]
    assert "secret" not in reminder["channel"]
    delivery = event["data"]["delivery"]
    follow(annals, f"delivery/{delivery}", "delivery.succeeded")
    assert get(annals, f"/v1/deliveries/{delivery}")["state"] == "succeeded"
    history = get(annals, f"/v1/reminders/{told.reminder['id']}/history")["items"]
    assert [each["type"] for each in history] == ["reminder.scheduled", "reminder.fired"]
    assert told.secret not in json.dumps(history)


@given("the user watches the inbox")
def _(annals: Annals, world: World, told: Told) -> None:
    opened = threading.Event()

    def watch() -> None:
        headers = {"authorization": f"Bearer {world.token}"}
        with httpx.Client(base_url=annals.url, timeout=PATIENCE, trust_env=False) as http:  # noqa: SIM117
            with http.stream("GET", "/v1/inbox/live", headers=headers) as stream:
                assert stream.status_code == 200
                opened.set()
                for line in lines_of(stream.iter_bytes()):
                    if line.startswith(b"data:"):
                        told.watched.append(json.loads(line[5:]))
                        return

    told.watcher = threading.Thread(target=watch)
    told.watcher.start()
    assert opened.wait(PATIENCE)


@when("the user is to be reminded in a moment")
def _(annals: Annals, world: World, told: Told) -> None:
    others = annals.signed_in()
    made(annals, others.token, **{"in": "0s", "channel": {"kind": "inbox"}})
    body = {"in": "50ms", "channel": {"kind": "inbox"}, "body": "Earl Grey"}
    told.reminder = made(annals, world.token, **body)


@then("the item appears in the inbox as it is watched")
def _(annals: Annals, world: World, told: Told) -> None:
    assert told.watcher is not None
    told.watcher.join(PATIENCE)
    [item] = told.watched
    assert (item["title"], item["body"]) == ("tea", "Earl Grey")
    assert item["reminder"] == told.reminder["id"]
    stream = f"inbox/{world.user.account}.{item['id']}" if world.user else ""
    told.tail = annals.events(stream=stream)[-1]["token"]
    inbox = get(annals, "/v1/inbox?read=false", world.token, after=told.tail)
    assert [each["id"] for each in inbox["items"]] == [item["id"]]


@then("the user can mark it as read")
def _(annals: Annals, world: World, told: Told) -> None:
    item = told.watched[0]["id"]
    response = annals.request("POST", f"/v1/inbox/{item}/read", token=world.token)
    assert response.status_code == 200
    assert response.json()["read"] is True
    after = response.headers["annals-position"]
    assert get(annals, "/v1/inbox?read=false", world.token, after=after)["items"] == []
    assert get(annals, f"/v1/inbox/{item}?position={told.tail}", world.token)["read"] is False
    history = get(annals, f"/v1/inbox/{item}/history", world.token)["items"]
    assert [each["type"] for each in history] == ["inbox_item.added", "inbox_item.read"]
    other = annals.signed_in()
    assert annals.request("GET", f"/v1/inbox/{item}", token=other.token).status_code == 404


@when("the user is to be reminded by e-mail")
def _(annals: Annals, world: World, told: Told) -> None:
    told.reminder = made(annals, world.token, **{"in": "0s", "channel": {"kind": "email"}})


@then("a message arrives at the user's own address")
def _(world: World, mailbox: Mailbox) -> None:
    assert world.user is not None
    assert mailbox.letter(world.user.email, "tea")


@when("somebody is to be reminded every minute")
def _(annals: Annals, told: Told) -> None:
    told.due = datetime.now(UTC)
    told.reminder = made(annals, cron="* * * * *", time_zone="America/St_Johns")


@then("it is due at the next full minute in the time zone")
def _(annals: Annals, told: Told) -> None:
    due = datetime.fromisoformat(told.reminder["next_at"])
    assert (due.second, due.microsecond) == (0, 0)
    assert timedelta() < due - told.due < timedelta(minutes=2)
    assert told.reminder["time_zone"] == "America/St_Johns"
    cancelled = annals.as_owner("POST", f"/v1/reminders/{told.reminder['id']}/cancel")
    assert cancelled.json()["state"] == "cancelled"


# tried again


@then(parsers.parse("the receiver gets it at attempt {attempt:d}, each under the same id"))
def _(told: Told, target: Target, attempt: int) -> None:
    calls = target.wait_for(told.place, attempt)
    assert [call.attempt for call in calls] == list(range(1, attempt + 1))
    assert len({call.headers["webhook-id"] for call in calls}) == 1
    assert [call.status for call in calls] == [503] * (attempt - 1) + [200]


@then("the delivery is a dead letter")
def _(annals: Annals, told: Told) -> None:
    told.tail = dead_letter(annals, told)


@given("a dead letter")
def _(annals: Annals, told: Told, target: Target) -> None:
    told.place = annals.unique("receiver")
    target.fail_always(told.place)
    channel = {"kind": "webhook", "url": target.url(told.place)}
    told.reminder = made(annals, **{"in": "0s", "channel": channel, "retry": QUICK})
    dead_letter(annals, told)


def dead_letter(annals: Annals, told: Told) -> str:
    delivery = fired(annals, told.reminder["id"])["data"]["delivery"]
    died = follow(annals, f"delivery/{delivery}", "delivery.died")
    letters = get(annals, "/v1/deliveries?state=dead&limit=100", after=died["token"])["items"]
    [letter] = [each for each in letters if each["id"] == delivery]
    assert letter["attempts"] == 4
    assert letter["error"] == "The target answered 503."
    told.reminder["delivery"] = delivery
    return str(died["token"])


@when("the reminder is given another receiver and the dead letter is queued again")
def _(annals: Annals, told: Told, target: Target) -> None:
    told.place = annals.unique("receiver")
    channel = {"kind": "webhook", "url": target.url(told.place)}
    changed = change(annals, told.reminder["id"], channel=channel)
    assert changed.status_code == 200, changed.text
    requeued = annals.as_owner("POST", f"/v1/deliveries/{told.reminder['delivery']}/requeue")
    assert requeued.status_code == 202, requeued.text


@then("the other receiver gets it")
def _(annals: Annals, told: Told, target: Target) -> None:
    [call] = target.wait_for(told.place, 1)
    assert call.attempt == 5
    assert call.headers["webhook-id"] == told.reminder["delivery"]
    follow(annals, f"delivery/{told.reminder['delivery']}", "delivery.succeeded")
    again = annals.as_owner("POST", f"/v1/deliveries/{told.reminder['delivery']}/requeue")
    assert again.status_code == 409


# changed


@given("a reminder for tomorrow")
def _(annals: Annals, told: Told) -> None:
    told.reminder = made(annals, **{"in": "1d"})


@given("somebody else has rescheduled it")
def _(annals: Annals, told: Told) -> None:
    assert change(annals, told.reminder["id"], **{"in": "2d"}).status_code == 200


@when("it is rescheduled to next week")
def _(annals: Annals, world: World, told: Told) -> None:
    told.due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=7)
    world.answer = change(annals, told.reminder["id"], due_at=told.due.isoformat())


@then("it is due next week")
def _(world: World, told: Told) -> None:
    assert world.last.status_code == 200, world.last.text
    assert datetime.fromisoformat(world.last.json()["next_at"]) == told.due


@then("it can be seen as it was before")
def _(annals: Annals, told: Told) -> None:
    path = f"/v1/reminders/{told.reminder['id']}"
    history = get(annals, f"{path}/history")["items"]
    assert [each["type"] for each in history] == ["reminder.scheduled", "reminder.rescheduled"]
    before = get(annals, f"{path}?position={history[0]['token']}")
    assert before["next_at"] == told.reminder["next_at"]


@given("a reminder that has fired")
def _(annals: Annals, told: Told) -> None:
    told.reminder = made(annals, **{"in": "0s"})
    fired(annals, told.reminder["id"])


@when("it is snoozed for a moment")
def _(annals: Annals, told: Told) -> None:
    path = f"/v1/reminders/{told.reminder['id']}/snooze"
    response = annals.as_owner("POST", path, {"for": "50ms"})
    assert response.status_code == 200, response.text
    assert response.json()["state"] == "snoozed"


@then("it comes a second time")
def _(annals: Annals, told: Told) -> None:
    again = fired(annals, told.reminder["id"], times=2)
    assert again["data"]["occurrence"] == 2


@when("it is cancelled")
def _(annals: Annals, told: Told) -> None:
    path = f"/v1/reminders/{told.reminder['id']}/cancel"
    response = annals.as_owner("POST", path)
    assert (response.json()["state"], response.json()["next_at"]) == ("cancelled", None)


@then("it can be neither changed nor snoozed")
def _(annals: Annals, told: Told) -> None:
    path = f"/v1/reminders/{told.reminder['id']}"
    for response in (
        annals.as_owner("POST", f"{path}/snooze", {"for": "1h"}),
        change(annals, told.reminder["id"], title="coffee"),
    ):
        assert response.status_code == 409
        assert response.json()["type"].endswith("reminder-is-cancelled")


@when("it is changed as it was read")
def _(annals: Annals, world: World, told: Told) -> None:
    path = f"/v1/reminders/{told.reminder['id']}"
    world.answer = annals.as_owner("PATCH", path, {"title": "coffee"}, {"if-match": '"v1"'})


@then("the change to the reminder is refused as stale")
def _(annals: Annals, world: World, told: Told) -> None:
    assert world.problem(412)["type"].endswith("stale-version")
    assert get(annals, f"/v1/reminders/{told.reminder['id']}")["title"] == "tea"


@when("the same reminder is asked for twice under one key")
def _(annals: Annals, world: World) -> None:
    body = {
        "title": "tea",
        "in": "1d",
        "channel": {"kind": "webhook", "url": "https://example.org"},
    }
    headers = {"idempotency-key": str(uuid4())}
    world.answers = [annals.as_owner("POST", "/v1/reminders", body, headers) for _ in range(2)]


@then("there is one reminder")
def _(world: World) -> None:
    first, second = world.answers
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert first.headers["location"] == f"/v1/reminders/{first.json()['id']}"


# own


@given("a reminder of another user's")
def _(annals: Annals, told: Told) -> None:
    told.reminder = made(annals, annals.signed_in().token, **{"in": "1d"})


@then("the user can neither see nor change it")
def _(annals: Annals, world: World, told: Told) -> None:
    path = f"/v1/reminders/{told.reminder['id']}"
    for method, place, body in (
        ("GET", path, None),
        ("GET", f"{path}/history", None),
        ("PATCH", path, {"title": "mine"}),
        ("POST", f"{path}/snooze", {"for": "1h"}),
        ("POST", f"{path}/cancel", None),
    ):
        response = annals.request(method, place, token=world.token, body=body)
        assert response.status_code == 404, (method, place, response.text)
    assert get(annals, "/v1/reminders", world.token)["items"] == []
    assert get(annals, "/v1/deliveries", world.token)["items"] == []


@then("an admin can")
def _(annals: Annals, told: Told) -> None:
    path = f"/v1/reminders/{told.reminder['id']}"
    assert get(annals, path)["title"] == "tea"
    assert annals.as_owner("POST", f"{path}/cancel").json()["state"] == "cancelled"


@when("the user wants to have somebody else reminded")
def _(annals: Annals, world: World) -> None:
    other = annals.signed_in()
    world.answers = [
        make(annals, world.token, **{"in": "1s", "channel": channel})
        for channel in (
            {"kind": "email", "to": "stranger@example.org"},
            {"kind": "inbox", "account": other.account},
        )
    ]


@then("it is refused")
def _(world: World) -> None:
    for answer in world.answers:
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("not-your-address")


# refused


@when(parsers.re("somebody is to be reminded with (?P<given>.*)"))
def _(annals: Annals, world: World, told: Told, given: str) -> None:
    told.tail = annals.events_page(after="0", type="reminder.scheduled", limit="1000")["next"]
    world.answer = make(annals, **json.loads(given))


@then(parsers.re("the refusal points to ?(?P<pointer>.*)"))
def _(world: World, pointer: str) -> None:
    errors = world.problem(422)["errors"]
    assert pointer in [error["pointer"] for error in errors], errors


@then("nothing was recorded")
def _(annals: Annals, told: Told) -> None:
    assert annals.events(after=told.tail, type="reminder.scheduled") == []


# found


@given("the user's reminders for today, tomorrow and next week")
def _(annals: Annals, world: World, told: Told) -> None:
    for length in ("1h", "36h", "7d"):
        response = make(annals, world.token, **{"in": length, "title": length})
        told.tail = response.headers["annals-position"]
    told.due = datetime.now(UTC) + timedelta(days=1)


@then("asking page by page for what is due tomorrow finds that one alone")
def _(annals: Annals, world: World, told: Told) -> None:
    start, end = told.due, told.due + timedelta(days=1)
    query = httpx.QueryParams(due_from=start.isoformat(), due_to=end.isoformat())
    page = get(annals, f"/v1/reminders?{query}", world.token, after=told.tail)
    assert [item["title"] for item in page["items"]] == ["36h"]
    titles, cursor = [], ""
    while True:
        page = get(annals, f"/v1/reminders?limit=1&cursor={cursor}", world.token)
        titles += [item["title"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert titles == ["1h", "36h", "7d"]


@then("asking for what has been cancelled finds none")
def _(annals: Annals, world: World) -> None:
    assert get(annals, "/v1/reminders?state=cancelled", world.token)["items"] == []
    assert len(get(annals, "/v1/reminders?state=scheduled", world.token)["items"]) == 3
