"""Second factors over HTTP: authenticators, recovery codes, and completing a sign-in."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.moments import Moment, consistent_after, position_of
from adapters.http.names import known_id
from adapters.http.operations import ANYONE, SIGNED_IN, operation
from adapters.http.second_factor_shapes import (
    Challenge,
    Code,
    FactorBody,
    SecondFactorsView,
    given_factor,
    view_factors,
)
from adapters.http.sessions import SessionStartedView, rendered_session
from adapters.http.sign_ins import replaced_session
from application.second_factors.authenticators import (
    ConfirmAuthenticator,
    EnrolAuthenticator,
    RemoveAuthenticator,
    TotpSeed,
)
from application.second_factors.changing import Enrolled
from application.second_factors.recovery import ReplaceRecoveryCodes, ResetSecondFactors
from application.second_factors.signing_in import CompleteSignIn
from domain.accounts import NoSuchAccount
from domain.recorded import SYSTEM_TENANT, Recorded
from domain.rejections import Fault, Invalid, NotFound
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.events import SecondFactorsEvent

_PAGE = 500


class CodeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that the authenticator shows."""

    code: Code


class CompletionBody(FactorBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What completes a sign-in: the challenge of the 401, and one second factor."""

    challenge: Challenge


class TotpSeedView(msgspec.Struct, frozen=True, kw_only=True):
    """What an authenticator is told, as text and as the content of a QR code; only here."""

    secret: str
    uri: str


class RecoveryCodesMadeView(msgspec.Struct, frozen=True, kw_only=True):
    """New recovery codes, told only here; none, where the account keeps those it has."""

    recovery_codes: Annotated[tuple[str, ...], msgspec.Meta(max_length=10)]


class NoSecondFactorsYet(NotFound):
    """Nothing has ever happened to the account's second factors."""

    slug = "no-second-factors-yet"
    title = "The account has never had a second factor"


async def factors_of(call: Call, account: str, moment: Moment) -> SecondFactorsView:
    """An account's second factors, now or as they were, with their times."""
    await consistent_after(call)
    platform, to = call.platform, await position_of(call, moment)
    stream = (SYSTEM_TENANT, SECOND_FACTORS.stream(account))
    history: list[Recorded[SecondFactorsEvent]] = []
    after = 0
    while True:
        page = await platform.store.read_stream(stream, after=after, limit=_PAGE)
        seen = [event for event in page if to is None or event.position <= to]
        history += await platform.codec.decode(seen)
        if len(page) < _PAGE:
            return view_factors(history)
        after = page[-1].version


@operation(
    "GET",
    "/v1/me/second-factors",
    needs=SIGNED_IN,
    query=Moment,
    answers={200: SecondFactorsView},
    consistent=True,
)
async def get_second_factors(call: Call, moment: Moment) -> Answer:
    """What I have beside a password, now or as it was."""
    view = await factors_of(call, call.person, moment)
    return json_answer(view, headers=(etag(view.version),))


@operation(
    "GET",
    "/v1/me/second-factors/history",
    needs=SIGNED_IN,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def second_factors_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to my second factors."""
    stream = SECOND_FACTORS.stream(call.person)
    missing = NoSecondFactorsYet()
    return await stream_history(call, SYSTEM_TENANT, stream, page, missing, personal=True)


@operation("POST", "/v1/me/totp", needs=SIGNED_IN, fresh=True, answers={201: TotpSeedView})
async def enrol_totp(call: Call) -> Answer:
    """Begin to enrol an authenticator; it counts once a code of it was right."""

    def render(seed: TotpSeed, _version: int) -> Answer:
        return json_answer(TotpSeedView(secret=seed.secret, uri=seed.uri), 201)

    return await execute(call, EnrolAuthenticator(account=call.person), render)


@operation(
    "POST",
    "/v1/me/totp/confirm",
    needs=SIGNED_IN,
    fresh=True,
    body=CodeBody,
    answers={200: RecoveryCodesMadeView},
)
async def confirm_totp(call: Call, body: CodeBody) -> Answer:
    """Let the authenticator count, by a code that it shows."""
    command = ConfirmAuthenticator(account=call.person, code=body.code)
    return await execute(call, command, _codes_made)


@operation("DELETE", "/v1/me/totp", needs=SIGNED_IN, fresh=True, answers={204: None})
async def remove_totp(call: Call) -> Answer:
    """Take the authenticator away."""
    command = RemoveAuthenticator(account=call.person)
    return await execute(call, command, no_content)


@operation(
    "POST",
    "/v1/me/recovery-codes",
    needs=SIGNED_IN,
    fresh=True,
    answers={200: RecoveryCodesMadeView},
)
async def replace_recovery_codes(call: Call) -> Answer:
    """Make new recovery codes; the old ones count no more."""
    return await execute(call, ReplaceRecoveryCodes(account=call.person), _codes_made)


def _codes_made(enrolled: Enrolled, _version: int) -> Answer:
    return json_answer(RecoveryCodesMadeView(recovery_codes=enrolled.codes))


@operation(
    "DELETE",
    "/v1/accounts/{id}/second-factors",
    needs="accounts:write",
    fresh=True,
    answers={204: None},
)
async def remove_second_factors(call: Call) -> Answer:
    """Take all second factors of somebody away who has lost them, and is told so by mail."""
    command = ResetSecondFactors(account=known_id(call.params["id"], _no_account))
    return await execute(call, command, no_content)


def _no_account(_account: str) -> NoSuchAccount:
    return NoSuchAccount()


@operation(
    "POST",
    "/v1/sessions/second-factor",
    needs=ANYONE,
    body=CompletionBody,
    answers={201: SessionStartedView},
)
async def complete_sign_in(call: Call, body: CompletionBody) -> Answer:
    """Complete a sign-in whose password was right, with one second factor."""
    given = given_factor(call, body)
    if given.missing:
        detail = "code, recovery_code or passkey must be given"
        raise Invalid(Fault(pointer="", code="missing", detail=detail))
    command = CompleteSignIn(
        challenge=body.challenge,
        given=given,
        address=call.address,
        device=call.device,
        replaces=await replaced_session(call),
    )
    return await execute(call, command, rendered_session(call))


OPERATIONS = (
    get_second_factors,
    second_factors_history,
    enrol_totp,
    confirm_totp,
    remove_totp,
    replace_recovery_codes,
    remove_second_factors,
    complete_sign_in,
)
