"""The addresses that providers call. Who calls has no credential: the signature is one.

This is a foreign protocol: providers send whatever headers and query they like, and look at the
status alone.
"""

import msgspec

from adapters.http import webhook_receipts, webhook_sources
from adapters.http.answers import Answer, json_answer
from adapters.http.bodies import LARGEST_BODY, RawBody
from adapters.http.calls import Call
from adapters.http.commands import position_header
from adapters.http.operations import ANYONE, operation
from application.unit import Done
from application.webhooks.receiving import Challenge, Receive, Received
from domain.rejections import Rejection


class AcceptedView(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of the message; the same for every copy of it."""

    receipt: str


class ChallengeView(msgspec.Struct, frozen=True, kw_only=True):
    """The text that Slack has asked for."""

    challenge: str


@operation(
    "POST",
    "/hooks/{id}",
    needs=ANYONE,
    body=RawBody(largest=LARGEST_BODY, media_type="application/json"),
    answers={202: AcceptedView, 200: ChallengeView},
    keyed=False,
)
async def receive_webhook(call: Call, body: bytes) -> Answer:
    """Take a provider's message: verified and kept once this is answered, processed afterwards."""
    platform = call.platform
    outcomes = platform.metrics.webhooks
    command = Receive(hook=call.params["id"], headers=call.headers, body=body)
    try:
        # not as our own clients: whatever keys and conditions are in the headers are the provider's
        done = await platform.bus.execute(command, call.context())
    except Rejection as rejection:
        outcomes.labels(rejection.slug).inc()
        raise
    assert isinstance(done, Done)  # noqa: S101 - only keyed commands are replayed
    result: Received | Challenge = done.result
    if isinstance(result, Challenge):
        outcomes.labels("challenge").inc()
        return json_answer(ChallengeView(challenge=result.challenge))
    outcomes.labels("again" if result.again else "received").inc()
    position = position_header(done.position)
    return json_answer(AcceptedView(receipt=result.receipt), 202, (position,))


OPERATIONS = (
    receive_webhook,
    *webhook_sources.OPERATIONS,
    *webhook_receipts.OPERATIONS,
)
