"""From a request to a command and back: the one way in which the API changes anything.

`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), `If-Match`, `Correlation-Id` and
`traceparent` become the command's context; what comes back bears `Annals-Position` and, where one
thing was addressed, its `ETag`. What was answered under a key, a rejection too, is answered again
as it was; to a stranger, only what was carried out. A client that goes away does not stop its
command.
"""

from collections.abc import Callable
from typing import Any

from adapters.http.answers import Answer, Header
from adapters.http.calls import Call
from adapters.http.conditions import if_match
from adapters.http.idempotency import Kept, idempotency_key, idempotency_of, open_kept
from adapters.http.problems import problem_answer
from application.positions import Position
from application.unit import Done, Replay
from domain.rejections import Rejection

Render = Callable[[Any, int], Answer]
"""From a command's result and the version of its stream to the answer."""


async def execute(call: Call, command: object, render: Render) -> Answer:
    """Carry out a command, or answer as before where its key was used before.

    Raises:
        Rejection: the command was refused.
        Outage: something the platform stands on does not answer.
    """
    platform = call.platform
    key = idempotency_key(call.headers)
    if key is None:
        context = call.context(if_match=if_match(call.headers, taken=call.conditional))
        done = await platform.bus.execute(command, context)
        assert isinstance(done, Done)  # noqa: S101 - only keyed commands are replayed
        return render(done.result, done.version).with_headers(position_header(done.position))

    def keep(answer: Any | Rejection, version: int) -> Kept:
        if isinstance(answer, Rejection):
            return Kept.of(problem_answer(answer, call.scope["path"]))
        return Kept.of(render(answer, version))

    context = call.context(
        if_match=if_match(call.headers, taken=call.conditional),
        idempotency=idempotency_of(call, key, keep),
    )
    outcome = await platform.bus.execute(command, context)
    position = position_header(outcome.position)
    if isinstance(outcome, Replay):
        kept = open_kept(platform.idempotency, key, outcome.sealed)
        return kept.answer().with_headers(position, (b"idempotent-replayed", b"true"))
    return render(outcome.result, outcome.version).with_headers(position)


def no_content(_result: Any, _version: int) -> Answer:
    """Tell nothing but that it is done."""
    return Answer(204)


def position_header(position: Position) -> Header:
    """Where in the log a command's events end."""
    return b"annals-position", position.token.encode()
