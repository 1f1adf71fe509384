"""Step-up over HTTP: proving again who one is, for what is sensitive."""

from adapters.http.answers import Answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.names import Typed
from adapters.http.operations import SIGNED_IN, operation
from adapters.http.second_factor_shapes import FactorBody, given_factor
from adapters.http.sessions import (
    NoCurrentSession,
    SessionStartedView,
    rendered_session,
)
from application.step_up import StepUp


class StepUpBody(FactorBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """My password, and a second factor where I have one."""

    password: Typed


@operation(
    "POST",
    "/v1/sessions/current/step-up",
    needs=SIGNED_IN,
    body=StepUpBody,
    answers={201: SessionStartedView},
    lasting=True,
)
async def step_up(call: Call, body: StepUpBody) -> Answer:
    """Prove again who I am: a new session takes this one's place, fresh for ten minutes.

    Where the account has a second factor and none is given, the answer is 401
    `second-factor-required`, with a challenge for passkeys.
    """
    if call.session is None:
        raise NoCurrentSession
    command = StepUp(
        session=call.session,
        password=body.password,
        given=given_factor(call, body),
        address=call.address,
        device=call.device,
    )
    return await execute(call, command, rendered_session(call))


OPERATIONS = (step_up,)
