"""The OpenAPI 3.1 document, made from the operations themselves, so that it cannot drift.

What validates a request is what describes it: the schemas are those of the structs that bodies and
queries are decoded into.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from adapters.http.bodies import Body, RawBody
from adapters.http.conditions import TAG_PATTERN
from adapters.http.idempotency import KEY_PATTERN
from adapters.http.moments import PLACE
from adapters.http.names import NAME_PATTERN
from adapters.http.operations import ANYONE, Operation

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_PHRASES = {
    200: "Done.",
    201: "It is new; see `Location`.",
    202: "It has been queued; see `Location`.",
    204: "Done.",
    503: "Not now; try again.",
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457); members beside these tell the facts.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "code", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "instance"],
}
_HEADERS: dict[str, tuple[str, str, str]] = {
    "Idempotency-Key": (
        "keyed",
        "The same key and request have the same answer, once done.",
        KEY_PATTERN,
    ),
    "If-Match": ("conditional", "Only if the thing still has this ETag.", TAG_PATTERN),
    "Annals-Tenant": (
        "asks",
        "The tenant in which this is asked; without it, that of the credential.",
        NAME_PATTERN,
    ),
    "Annals-Consistent-After": (
        "consistent",
        "Not older than this `Annals-Position`.",
        PLACE["pattern"],
    ),
}
_COMMAND_WAITS = "Carried out knowing all up to this `Annals-Position`; 503 where that takes long."


def document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """The OpenAPI document of all operations."""
    structs = [type_ for each in operations for type_ in _types(each)]
    unique = list(dict.fromkeys(structs))
    schemas, components = msgspec.json.schema_components(unique, ref_template=_REF)
    references = dict(zip(unique, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        path = _PARAMETER.sub(r"{\1}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each, references, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Annals",
            "version": version,
            "description": "Every change of state is an event in one log.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": (
                        "An API key (`annals_...`), a session's token (`as_...`) or an access "
                        "token (a JWT)."
                    ),
                },
                "cookie": {"type": "apiKey", "in": "cookie", "name": "annals_session"},
            },
        },
    }


def _types(operation: Operation) -> Iterable[Any]:
    if isinstance(operation.body, Body):
        yield operation.body.type
    elif operation.body is not None and operation.body.shape is not None:
        yield operation.body.shape
    if operation.query is not None:
        yield operation.query.type
    for type_ in operation.answers.values():
        if type_ not in {None, str}:
            yield type_


def _operation(
    operation: Operation, references: dict[Any, Any], components: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [
            *_path_parameters(operation),
            *_query_parameters(operation, references, components),
            *_header_parameters(operation),
        ],
        "responses": _responses(operation, references),
    }
    if operation.needs is not ANYONE:
        nothing: list[dict[str, Any]] = [{}] if operation.scraped else []
        described["security"] = [{"bearer": []}, {"cookie": []}, *nothing]
    if needs := " ".join(_needs(operation)):
        described["description"] = needs
    if operation.body is not None:
        content = _content(operation.body, references)
        described["requestBody"] = {"required": True, "content": content}
    return described


def _needs(operation: Operation) -> Iterable[str]:
    """What a caller must be and have, in sentences."""
    if operation.permissions:
        which = " or ".join(f"`{each}`" for each in operation.permissions)
        unless = ", unless asked from `METRICS_NETWORKS`" if operation.scraped else ""
        yield f"Needs the permission {which}{unless}."
    if operation.fresh:
        yield "In a session: no later than 10 minutes after a proof of who one is."
    if operation.lasting:
        yield "Not with an access token, which this would outlast: with the session itself."


def _content(body: Body[Any] | RawBody, references: dict[Any, Any]) -> dict[str, Any]:
    """Of a raw body only the length is known (OpenAPI 3.1 describes binary data by no schema)."""
    if isinstance(body, Body):
        return {"application/json": {"schema": references[body.type]}}
    opaque = {"schema": {"maxLength": body.largest}}
    if body.shape is None:
        return {body.media_type: opaque}
    content = {body.media_type: {"schema": references[body.shape]}}
    return {**content, "application/x-ndjson": opaque} if body.lines else content


def _path_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name in _PARAMETER.findall(operation.path):
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(
    operation: Operation, references: dict[Any, Any], components: dict[str, Any]
) -> Iterable[dict[str, Any]]:
    if operation.query is None:
        return
    name = references[operation.query.type]["$ref"].rpartition("/")[2]
    prefixes = operation.query.prefixes
    for parameter, schema in components[name]["properties"].items():
        if parameter in prefixes:
            yield _prefixed(parameter, prefixes[parameter], schema)
            continue
        yield {"name": parameter, "in": "query", "required": False, "schema": _given(schema)}


def _prefixed(name: str, prefix: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Parameters that are named by the caller: the members of one exploded object."""
    names = {"pattern": f"^{re.escape(prefix)}[^\\u0000]+$"}
    members = {"type": "object", "propertyNames": names, **schema}
    members.pop("default", None)
    return {
        "name": name,
        "in": "query",
        "required": False,
        "style": "form",
        "explode": True,
        "schema": members,
    }


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema where it is given: left out it is null, but null cannot be sent."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema


def _header_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    for name, (when, description, pattern) in _HEADERS.items():
        if getattr(operation, when):
            waits = when == "consistent" and operation.method != "GET"
            yield {
                "name": name,
                "in": "header",
                "required": False,
                "description": _COMMAND_WAITS if waits else description,
                "schema": {"type": "string", "pattern": pattern},
            }


def _responses(operation: Operation, references: dict[Any, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, type_ in operation.answers.items():
        response: dict[str, Any] = {"description": _PHRASES.get(status, "Done.")}
        if type_ is not None:
            schema = {"type": "string"} if type_ is str else references[type_]
            response["content"] = {operation.media_type: {"schema": schema}}
        responses[str(status)] = response
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses["default"] = {"description": "It was refused.", "content": problem}
    return responses
