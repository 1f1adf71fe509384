"""No path leads from one tenant to another's things: every operation is tried.

For each operation the owner of one tenant asks for each thing of another one: by its id, by what a
body names, by a cursor, and by naming the tenant itself. The answer has to be the one that is given
about things that are not there, and nothing of the other tenant's may be in it, or change.

A new operation has to be said here how to ask, or who it is for: otherwise the first test fails.
"""

from typing import Any

import httpx

from adapters.http.app import OPERATIONS
from adapters.http.operations import Operation
from domain.access import INSTALLATION
from tests.support.every_operation import (
    BODIES,
    QUERIES,
    REMIND,
    ROLE,
    ask,
    filled,
    forms,
    label,
    later_comes_what_makes,
    named_by,
    nowhere,
)
from tests.support.two_tenants import Installation, Room, plain

PUBLIC = {
    "GET /.well-known/jwks.json", "GET /", "GET /health", "GET /health/ready",
    "GET /problems/{slug}", "GET /schema", "GET /schema/openapi.json",
    "POST /hooks/{id}", "POST /v1/accounts", "POST /v1/accounts/password-reset",
    "POST /v1/accounts/password-reset/confirm", "POST /v1/accounts/verification",
    "POST /v1/accounts/verify", "POST /v1/sessions", "POST /v1/sessions/passkey",
    "POST /v1/sessions/passkey/options", "POST /v1/sessions/second-factor", "POST /v1/tokens",
    "POST /v1/tokens/refresh", "POST /v1/tokens/revoke",
}  # fmt: skip
"""What asks for no credential, and so knows no tenant; a hook's address is its secret."""

NAMES = {"account", "action", "email", "flag", "from_", "installation", "reminder", "source"}
"""The parameters that do."""

NOT_YET = {
    "GET /v1/experiments/{key}/results", "GET /v1/webhooks/sources/{source}/refusals"
}  # fmt: skip
"""What the tenant's owner is not shown either: nothing was measured, and nothing refused."""


def is_installations(operation: Operation) -> bool:
    """Whether it is for who runs the installation alone."""
    return bool(operation.permissions) and set(operation.permissions) <= INSTALLATION


def is_personal(operation: Operation) -> bool:
    """Whether it is about who asks, whatever tenant that is in."""
    signed_in = operation.needs == "" and not operation.any_of
    of_others = operation.path.startswith("/v1/sessions/{id}") or label(operation) in QUERIES
    return signed_in and not of_others


def is_live(operation: Operation) -> bool:
    return operation.media_type == "text/event-stream" or operation.path.endswith("/streaming")


TRIED = [
    each
    for each in OPERATIONS
    if label(each) not in PUBLIC and not is_installations(each) and not is_personal(each)
]
ASKED = [each for each in OPERATIONS if each.needs is not None]
"""Those that ask who sends them."""


def test_every_operation_is_tried_or_is_nobodys() -> None:
    assert {label(each) for each in OPERATIONS if each.needs is None} == PUBLIC
    for operation in TRIED:
        named_by(operation)
        assert operation.body is None or BODIES[label(operation)]
        names = operation.query and NAMES & set(operation.query.type.__struct_fields__)
        assert not names or QUERIES[label(operation)]
    assert BODIES.keys() <= {label(each) for each in TRIED}


async def events_of(at: Installation, tenant: str) -> list[str]:
    events = await at.platform.store.read_log(after=0, limit=10_000)
    return [each.type for each in events if each.tenant == tenant]


async def test_the_tenants_own_owner_is_shown_what_others_are_not(
    installation: Installation, alpha: Room
) -> None:
    await installation.caught_up()
    hidden = []
    for operation in TRIED:
        if operation.method != "GET" or is_live(operation) or label(operation) in NOT_YET:
            continue
        for form in forms(operation):
            answer = await ask(installation, operation, alpha.ids, form, alpha.token)
            if answer.status_code != 200 and form[1] != "?installation=true":
                hidden.append((label(operation), form, answer.text))
    assert not hidden


async def test_naming_anothers_tenant_is_naming_none(
    installation: Installation, alpha: Room, beta: Room
) -> None:
    before = await events_of(installation, alpha.name)
    for operation in ASKED:
        url = operation.path.replace("{", "").replace("}", "").replace(":path", "")
        texts = set()
        for credential in (beta.token, beta.ids["key_text"]):
            for tenant in (alpha.name, "nowhere"):
                answer = await installation.ask(
                    operation.method, url, token=credential, annals_tenant=tenant
                )
                assert answer.status_code == 403, label(operation)
                texts.add(answer.text)
        assert len(texts) == 1, label(operation)
    assert await events_of(installation, "alpha") == before


async def test_no_tenants_owner_runs_the_installation(
    installation: Installation, beta: Room
) -> None:
    for operation in OPERATIONS:
        if is_installations(operation):
            url = operation.path.replace("{", "").replace("}", "")
            answer = await installation.ask(operation.method, url, token=beta.token)
            assert answer.status_code == 403, label(operation)
            assert answer.json()["permission"] in INSTALLATION


async def test_a_cursor_of_anothers_list_leads_through_ones_own(
    installation: Installation, alpha: Room, beta: Room
) -> None:
    more = {"limit": 1, "window": "60s"}
    await installation.done("PUT", "/v1/limits/more-of-alpha", more, token=alpha.token)
    await installation.done("PUT", "/v1/roles/more-of-alpha", ROLE, token=alpha.token)
    key = {"name": alpha.marker, "scopes": []}
    await installation.done("POST", "/v1/api-keys", key, token=alpha.token)
    await installation.caught_up()
    tried = 0
    for operation in TRIED:
        query = operation.query
        if query is None or "cursor" not in query.type.__struct_fields__ or "{" in operation.path:
            continue
        page = await installation.done("GET", f"{operation.path}?limit=1", token=alpha.token)
        if not page["next"]:
            continue
        tried += 1
        url = f"{operation.path}?limit=1000&cursor={page['next']}"
        answer = await installation.ask("GET", url, token=beta.token)
        assert answer.status_code == 200, label(operation)
        assert alpha.marker not in answer.text
        assert "alpha" not in answer.text
    assert tried > 1


async def test_what_is_counted_and_kept_is_each_tenants_own(
    installation: Installation, alpha: Room, beta: Room
) -> None:
    same = {"idempotency_key": "the same"}
    made = [
        await installation.ask("POST", "/v1/reminders", REMIND, token=room.token, **same)
        for room in (alpha, beta)
    ]
    assert [each.status_code for each in made] == [201, 201]
    assert "idempotent-replayed" not in made[1].headers
    assert made[0].json()["id"] != made[1].json()["id"]
    for room in (alpha, beta):
        limit = {"limit": 1, "window": "60s"}
        await installation.done("PUT", "/v1/limits/shared", limit, token=room.token)
        check = ("POST", "/v1/limits/shared/check", {"key": "k"})
        assert (await installation.ask(*check, token=room.token)).status_code == 200
        assert (await installation.ask(*check, token=room.token)).status_code == 429
        text = {"content_type": "text/plain"}
        value = room.marker.encode()
        await installation.done("PUT", "/v1/cache/shared", value, token=room.token, **text)
    kept = await installation.ask("GET", "/v1/cache/shared", token=alpha.token)
    assert kept.text == alpha.marker


def alike(
    operation: Operation,
    form: tuple[Any, str],
    theirs: httpx.Response,
    nobodys: httpx.Response,
    ids: dict[str, str],
    unknown: dict[str, str],
) -> bool:
    """Whether an answer about another's thing tells no more than one about nothing."""
    if theirs.is_success:  # and so about what the caller has made
        again = not named_by(operation) and "$" not in str(form)
        return nobodys.is_success and (again or nobodys.status_code == theirs.status_code)
    return plain(theirs, *ids.values()) == plain(nobodys, *unknown.values())


async def test_no_operation_leads_to_anothers_things(
    installation: Installation, alpha: Room, beta: Room
) -> None:
    await installation.caught_up()
    alpha.ids["path"], before = "/var/log/app.log", await events_of(installation, "alpha")
    unknown, differ = nowhere(alpha), []
    told = [
        alpha.marker,
        *(each for kind, each in alpha.ids.items() if kind not in {"number", "path", "tenant"}),
    ]
    for operation in sorted(TRIED, key=later_comes_what_makes):
        if is_live(operation) and not named_by(operation):
            continue  # which tests of their own follow
        for form in forms(operation):
            theirs = await ask(installation, operation, alpha.ids, form, beta.token)
            nobodys = await ask(installation, operation, unknown, form, beta.token)
            assert theirs.status_code != 400, theirs.text  # which is no question about anything
            assert theirs.status_code < 500, theirs.text
            asked = f"{theirs.request.url} {filled(form[0], alpha.ids)}"
            seen = [each for each in told if each in theirs.text and each not in asked]
            if seen or not alike(operation, form, theirs, nobodys, alpha.ids, unknown):
                differ.append((label(operation), form, theirs.text, nobodys.text, seen))
    assert not differ, differ
    assert await events_of(installation, alpha.name) == before
