"""The few pages that a person reads in a browser; they need nothing from anywhere else."""

import inspect
from collections.abc import Iterable
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.openapi import document
from adapters.http.operations import ANYONE, Operation, operation
from adapters.http.problems import NoSuchPage, Refusal, status_of
from domain.rejections import Rejection

K = TypeVar("K", Rejection, Refusal)

HTML = b"text/html; charset=utf-8"
_CONTENT_POLICY = (
    b"content-security-policy",
    (
        b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        b"connect-src 'self'; frame-ancestors 'none'"
    ),
)
_ADVICE = {
    400: "Mend the request; sending it again as it is will fail again.",
    401: "Send a valid API key or session token as a bearer token, or sign in again.",
    403: "Ask somebody with the permission, or who administers what the facts name.",
    404: "Check the address. What you may not see is also said not to exist.",
    405: "Use a method that the Allow header names.",
    409: "Look at the thing as it is now, and decide again.",
    410: "Start again from start_again: the log was replaced, and older tokens mean nothing in it.",
    412: "Read the thing again, and send the change with the new ETag.",
    413: "Send less at once.",
    415: "Send JSON, with Content-Type: application/json.",
    422: "Mend what errors points at; each pointer is a JSON pointer into what you sent.",
    429: "Wait for as long as Retry-After says.",
    500: "Try again later, and tell the operator the Correlation-Id of the answer.",
    503: "Try again after Retry-After, with the same Idempotency-Key if outcome is unknown.",
}


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go from here."""

    name: str
    version: str
    links: dict[str, str]


def html(body: str, status: int = 200) -> Answer:
    """A page."""
    return Answer(status, body.encode(), (_CONTENT_POLICY,), media_type=HTML)


@operation("GET", "/", needs=ANYONE, answers={200: Index})
async def get_index(call: Call) -> Answer:
    """Where to go from here."""
    del call
    links = {
        "api": "/schema",
        "openapi": "/schema/openapi.json",
        "events": "/v1/events",
        "health": "/health/ready",
        "metrics": "/metrics",
    }
    return json_answer(Index(name="Annals", version=version("annals"), links=links))


@operation("GET", "/problems/{slug}", needs=ANYONE, answers={200: str}, media_type="text/html")
async def get_problem(call: Call) -> Answer:
    """What a problem type means, and what to do about it."""
    slug = call.params["slug"]
    kind = _kinds().get(slug)
    if kind is None:
        raise NoSuchPage
    status = kind.status if issubclass(kind, Refusal) else status_of(kind)
    meaning = (inspect.getdoc(kind) or "").partition("\n\n")[0]
    return html(
        f"<!doctype html><meta charset=utf-8><title>{escape(kind.title)}</title>"
        f"<style>body{{font:1rem/1.5 system-ui;max-width:40rem;margin:4rem auto}}</style>"
        f"<h1>{escape(kind.title)}</h1><p><code>/problems/{escape(slug)}</code>, HTTP {status}</p>"
        f"<p>{escape(meaning)}</p><p>{escape(_ADVICE.get(status, ''))}</p>"
    )


def _kinds() -> dict[str, type[Rejection] | type[Refusal]]:
    """Every kind of problem by its slug; of several with one slug the most general."""
    kinds: dict[str, type[Rejection | Refusal]] = {}
    for rejection in _family(Rejection):
        kinds.setdefault(rejection.slug, rejection)
    for refusal in _family(Refusal):
        kinds.setdefault(refusal.slug, refusal)
    return kinds


def _family(kind: type[K]) -> Iterable[type[K]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _family(below)


def schema_operations(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations that tell of all operations, themselves among them."""
    page = (Path(__file__).parent / "schema.html").read_text(encoding="utf-8")
    encoded: list[bytes] = []

    def json() -> bytes:
        if not encoded:
            described = document([*operations, *mine], version("annals"))
            encoded.append(msgspec.json.encode(described))
        return encoded[0]

    @operation("GET", "/schema", needs=ANYONE, answers={200: str}, media_type="text/html")
    async def get_schema(call: Call) -> Answer:
        """The API: a page for browsers, the OpenAPI document for programs."""
        if b"text/html" in call.headers.get(b"accept", b""):
            return html(page)
        return Answer(200, json())

    @operation("GET", "/schema/openapi.json", needs=ANYONE, answers={200: dict[str, Any]})
    async def get_openapi(call: Call) -> Answer:
        """The OpenAPI 3.1 document."""
        del call
        return Answer(200, json())

    mine: tuple[Operation, ...] = (get_schema, get_openapi)
    return mine


OPERATIONS = (get_index, get_problem)
