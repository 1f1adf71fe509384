"""The API as it is, with two routes beside ours that do nothing: what a request costs at least.

python -m benchmarks.http_server    (settings from the environment, as `annals api`)
"""

from typing import Any

import msgspec
from litestar import post

from adapters.http.app import route
from adapters.processes import api
from adapters.settings import load_settings

LITESTAR = "/noop/litestar"
BARE = "/noop/bare"

_START = {
    "type": "http.response.start",
    "status": 202,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"11")],
}
_BODY = {"type": "http.response.body", "body": b'{"ok":true}'}


class Run(msgspec.Struct):
    input: Any


class Done(msgspec.Struct):
    ok: bool


@post(LITESTAR, status_code=202)
async def noop(data: Run) -> Done:
    """Decode the body into a struct and answer with one, as Litestar is used."""
    return Done(ok=data is not None)


async def bare(_scope: Any, receive: Any, send: Any) -> None:
    """Read the body and answer, as our operations are routed: no server does less."""
    await receive()
    await send(_START)
    await send(_BODY)


def create() -> api.App:
    return api.create(more_routes=[noop, route(BARE, {"POST": bare})])


if __name__ == "__main__":
    api.serve(load_settings(), "benchmarks.http_server:create")
