"""How to ask for every operation: what its path names, and bodies and queries that name things."""

from typing import Any
from uuid import uuid4

import httpx

from adapters.http.operations import Operation
from tests.support.two_tenants import CONDITION, ON, Installation, Room

PATHS = {
    "/v1/accounts/{id}": "account",
    "/v1/actions/{name}": "action",
    "/v1/api-keys/{id}": "key",
    "/v1/cache/{key:path}": "cache",
    "/v1/deliveries/{id}": "delivery",
    "/v1/environments/{name}": "environment",
    "/v1/experiments/{key}": "experiment",
    "/v1/flag-changes/{id}": "change",
    "/v1/flags/{key}": "flag",
    "/v1/inbox/{id}": "item",
    "/v1/invitations/{id}": "invitation",
    "/v1/jobs/{id}": "job",
    "/v1/limits/{name}": "limit",
    "/v1/logs/{source}": "log",
    "/v1/members/{account}": "account",
    "/v1/reminders/{id}": "reminder",
    "/v1/roles/{name}": "role",
    "/v1/schemas/{name}": "schema",
    "/v1/segments/{name}": "segment",
    "/v1/service-accounts/{id}": "service",
    "/v1/sessions/{id}": "session",
    "/v1/streams/{stream:path}": "stream",
    "/v1/webhooks/receipts/{id}": "receipt",
    "/v1/webhooks/sources/{source}": "hooks",
    "/api/client/features/{name}": "flag",
    "/ofrep/v1/evaluate/flags/{key}": "flag",
}
"""What a path's first parameter names."""

FLAG = {"enabled": True}
ROLE: dict[str, Any] = {"permissions": []}
RULE = {"condition": {"kind": "segment", "segment": "$segment"}, "rollout": 100}
LOG = {"kind": "log"}
REMIND = {"title": "t", "in": "30d", "channel": {"kind": "inbox"}}
OFREP = {"context": {"targetingKey": "u"}}

BODIES: dict[str, list[Any]] = {
    "PUT /v1/roles/{name}": [ROLE],
    "POST /v1/api-keys": [{"name": "k", "scopes": [], "service_account": "$service"}],
    "POST /v1/service-accounts": [{"name": "s", "role": "$role"}],
    "PATCH /v1/service-accounts/{id}": [{"name": "t"}, {"role": "$role"}],
    "PUT /v1/members/{account}": [{"role": "member"}, {"role": "$role"}],
    "POST /v1/invitations": [{"email": "new@example.org", "role": "$role"}],
    "PUT /v1/accounts/{id}/role": [{"role": "member"}],
    "PUT /v1/flags/{key}": [
        FLAG,
        {**FLAG, "prerequisites": [{"flag": "$flag", "enabled": True}]},
        {**FLAG, "rules": [RULE]},
    ],
    "PUT /v1/flags/{key}/rules": [{"rules": [RULE]}],
    "POST /v1/flags/{key}/rollout": [{"rollout": 10}],
    "POST /v1/flags/{key}/kill": [{}],
    "POST /v1/flags/{key}/mark": [{"stale": True}],
    "POST /v1/flags/{key}/revert": [{"version": 1}],
    "POST /v1/flags/evaluate": [{}, {"keys": ["$flag"]}],
    "POST /v1/flags/{key}/evaluate": [{}],
    "POST /v1/flags/{key}/explain": [{}],
    "POST /v1/flags/{key}/try": [{"contexts": [{}], "rules": [RULE]}],
    "POST /v1/flags/{key}/changes": [{"edits": [ON]}],
    "POST /v1/flags/{key}/rollouts": [{"steps": [{"rollout": 10, "after": "1h"}]}],
    "POST /v1/flag-changes/{id}/reject": [{}],
    "POST /v1/flag-changes/{id}/cancel": [{}],
    "POST /v1/flags/import": [
        {"format": "flagd", "mode": "replace", "dry_run": True, "document": {"flags": {}}}
    ],
    "PUT /v1/environments/{name}": [{}],
    "PUT /v1/segments/{name}": [{"condition": CONDITION}],
    "POST /ofrep/v1/evaluate/flags/{key}": [OFREP],
    "POST /ofrep/v1/evaluate/flags": [OFREP],
    "POST /api/client/register": [{"appName": "a"}],
    "POST /api/client/metrics": [
        {
            "appName": "a",
            "bucket": {
                "start": "2026-01-01T00:00:00Z",
                "stop": "2026-01-01T00:00:01Z",
                "toggles": {"$flag": {"yes": 1, "no": 0, "variants": {}}},
            },
        }
    ],
    "PUT /v1/experiments/{key}": [
        {"flag": "$flag", "control": "red", "metrics": [{"key": "m", "kind": "binary"}]}
    ],
    "POST /v1/experiments/{key}/exposures": [{"exposures": [{"subject": "u", "variant": "red"}]}],
    "POST /v1/experiments/{key}/conversions": [{"conversions": [{"subject": "u", "metric": "m"}]}],
    "PUT /v1/limits/{name}": [{"limit": 1, "window": "60s"}],
    "POST /v1/limits/{name}/check": [{"key": "k"}],
    "PUT /v1/schemas/{name}": [{"schema": {}}],
    "POST /v1/schemas/{name}/validate": [{"value": 1}],
    "POST /v1/schemas/{name}/try": [
        {"schema": {}},
        {"schema": {}, "actions": ["$action"], "sources": ["$hooks"]},
    ],
    "PUT /v1/actions/{name}": [
        {"executor": LOG},
        {"executor": LOG, "flag": "$flag"},
        {"executor": LOG, "limit": "$limit"},
        {"executor": LOG, "schema": "$schema"},
    ],
    "POST /v1/actions/{name}/runs": [{}],
    "PUT /v1/cache/{key:path}": [b"v"],
    "POST /v1/cache/invalidate": [{"tags": ["alpha"]}, {"all": True}],
    "PUT /v1/cache": [b"v"],
    "PUT /v1/cache/invalidate": [b"v"],
    "PUT /v1/cache/history": [b"v"],
    "PUT /v1/logs/{source}": [{"paths": ["$path"]}],
    "PUT /v1/webhooks/sources/{source}": [
        {"preset": "standard-webhooks", "target": LOG},
        {"preset": "standard-webhooks", "target": LOG, "schema": "$schema"},
        {"preset": "standard-webhooks", "target": {"kind": "action", "action": "$action"}},
    ],
    "POST /v1/reminders": [
        {**REMIND, "channel": {"kind": "inbox", "account": "$account"}},
        REMIND,
    ],
    "PATCH /v1/reminders/{id}": [{"title": "t"}],
    "POST /v1/reminders/{id}/snooze": [{"for": "1h"}],
}
"""A body for each operation that takes one; `$kind` stands for the name of such a thing."""

QUERIES = {
    "GET /v1/accounts": ["", "?email=$email"],
    "GET /v1/api-keys": ["", "?installation=true"],
    "GET /v1/deliveries": ["", "?reminder=$reminder"],
    "GET /v1/events": ["", "?stream=$stream"],
    "GET /v1/experiments": ["", "?flag=$flag"],
    "GET /v1/flag-changes": ["", "?flag=$flag"],
    "GET /v1/flags/{key}/diff": ["?from=1&to=2"],
    "GET /v1/jobs": ["", "?action=$action"],
    "GET /v1/sessions": ["?account=$account"],
    "GET /v1/webhooks/receipts": ["", "?source=$hooks"],
}
"""A query for each operation whose parameters name things."""


def label(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def named_by(operation: Operation) -> str:
    """What the path names; empty where it names nothing.

    Raises:
        KeyError: nobody has said.
    """
    if "{" not in operation.path:
        return ""
    prefix = operation.path[: operation.path.index("}") + 1]
    return PATHS[prefix]


def filled(value: Any, ids: dict[str, str]) -> Any:
    """A body that names things of somebody's."""
    match value:
        case str() if value.startswith("$"):
            return ids[value[1:]]
        case dict():
            return {filled(key, ids): filled(each, ids) for key, each in value.items()}
        case list():
            return [filled(each, ids) for each in value]
        case _:
            return value


def in_words(query: str, ids: dict[str, str]) -> str:
    """A query that names something of somebody's."""
    before, mark, kind = query.partition("$")
    return before + ids[kind] if mark else before


def forms(operation: Operation) -> list[tuple[Any, str]]:
    """The bodies and queries to ask with."""
    bodies, queries = BODIES.get(label(operation), [None]), QUERIES.get(label(operation), [""])
    return [(body, query) for body in bodies for query in queries]


def url_of(operation: Operation, ids: dict[str, str]) -> str:
    url = operation.path.replace("{number}", "1")
    if kind := named_by(operation):
        parameter = url[url.index("{") : url.index("}") + 1]
        url = url.replace(parameter, ids[kind])
    return url


def nowhere(room: Room) -> dict[str, str]:
    """Ids of the same forms, of things that are not there."""
    unknown = {
        kind: str(uuid4()) if len(id_) == len(str(uuid4())) else id_.replace("alpha", "nadir")
        for kind, id_ in room.ids.items()
    }
    return {**unknown, "number": "1"}


async def ask(
    at: Installation,
    operation: Operation,
    ids: dict[str, str],
    asked: tuple[Any, str],
    token: str,
    **more: str,
) -> httpx.Response:
    body, query = asked
    if isinstance(body, bytes):
        more = {"content_type": "text/plain", **more}
    return await at.ask(
        operation.method,
        url_of(operation, ids) + in_words(query, ids),
        filled(body, ids),
        token=token,
        **more,
    )


def later_comes_what_makes(operation: Operation) -> int:
    """Look first, then change, then make: what one has made oneself tells nothing of others'."""
    return {"GET": 0, "POST": 1, "PATCH": 1, "DELETE": 2, "PUT": 3}[operation.method]
