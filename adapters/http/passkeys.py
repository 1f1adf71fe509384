"""Passkeys over HTTP: register one, look at them, remove one, and sign in with one."""

from typing import Annotated, Any

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.moments import Moment
from adapters.http.names import known_id
from adapters.http.operations import ANYONE, SIGNED_IN, operation
from adapters.http.relying_party import known_party
from adapters.http.second_factor_shapes import (
    Label,
    MadeCredential,
    PasskeyView,
    UsedCredential,
    credential_json,
)
from adapters.http.second_factors import factors_of
from adapters.http.sessions import SessionStartedView, rendered_session
from adapters.http.sign_ins import replaced_session
from application.second_factors.challenges import SIGN_IN
from application.second_factors.changing import Enrolled
from application.second_factors.passkeys import AddPasskey, DropPasskey, OfferPasskey
from application.second_factors.signing_in import SignInWithPasskey
from domain.second_factors.state import NoSuchPasskey


class OptionsView(msgspec.Struct, frozen=True, kw_only=True):
    """What `PublicKeyCredential.parseCreationOptionsFromJSON` or its like for requests takes."""

    publicKey: dict[str, Any]  # noqa: N815 - the browsers' word


class PasskeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new passkey: how the person calls it, and the browser's answer."""

    name: Label
    credential: MadeCredential


class PasskeyAddedView(msgspec.Struct, frozen=True, kw_only=True):
    """The passkey; recovery codes, told only here, where it is the account's first factor."""

    id: str
    recovery_codes: Annotated[tuple[str, ...], msgspec.Meta(max_length=10)]


class PasskeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All passkeys of the person."""

    items: list[PasskeyView]


class PasskeySignInBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The browser's answer."""

    credential: UsedCredential


def _missing(_passkey: str) -> NoSuchPasskey:
    return NoSuchPasskey()


@operation(
    "POST",
    "/v1/me/passkeys/options",
    needs=SIGNED_IN,
    fresh=True,
    answers={200: OptionsView},
)
async def offer_passkey(call: Call) -> Answer:
    """What a browser makes a passkey from; good for five minutes, and once."""
    offer = OfferPasskey(account=call.person, party=known_party(call))
    return await execute(call, offer, lambda options, _version: _options(options))


@operation(
    "POST",
    "/v1/me/passkeys",
    needs=SIGNED_IN,
    fresh=True,
    body=PasskeyBody,
    answers={201: PasskeyAddedView},
)
async def add_passkey(call: Call, body: PasskeyBody) -> Answer:
    """Register a passkey that the browser has made."""

    def render(added: Enrolled, _version: int) -> Answer:
        location = (b"location", f"/v1/me/passkeys/{added.id}".encode())
        view = PasskeyAddedView(id=added.id, recovery_codes=added.codes)
        return json_answer(view, 201, (location,))

    command = AddPasskey(
        account=call.person,
        name=body.name,
        credential=credential_json(body.credential),
        party=known_party(call),
    )
    return await execute(call, command, render)


@operation(
    "GET",
    "/v1/me/passkeys",
    needs=SIGNED_IN,
    query=Moment,
    answers={200: PasskeyList},
    consistent=True,
)
async def list_passkeys(call: Call, moment: Moment) -> Answer:
    """My passkeys, now or as they were."""
    view = await factors_of(call, call.person, moment)
    return json_answer(PasskeyList(items=view.passkeys))


@operation(
    "GET",
    "/v1/me/passkeys/{id}",
    needs=SIGNED_IN,
    query=Moment,
    answers={200: PasskeyView},
    consistent=True,
)
async def get_passkey(call: Call, moment: Moment) -> Answer:
    """One passkey, now or as it was."""
    id_ = known_id(call.params["id"], _missing)
    view = await factors_of(call, call.person, moment)
    found = next((each for each in view.passkeys if each.id == id_), None)
    if found is None:
        raise NoSuchPasskey
    return json_answer(found)


@operation("DELETE", "/v1/me/passkeys/{id}", needs=SIGNED_IN, fresh=True, answers={204: None})
async def remove_passkey(call: Call) -> Answer:
    """Take a passkey away."""
    command = DropPasskey(account=call.person, passkey=known_id(call.params["id"], _missing))
    return await execute(call, command, no_content)


@operation(
    "POST",
    "/v1/sessions/passkey/options",
    needs=ANYONE,
    answers={200: OptionsView},
    keyed=False,
)
async def passkey_sign_in_options(call: Call) -> Answer:
    """What a browser asks any passkey with; good for five minutes, and once."""
    factor = call.platform.services.second_factor
    challenge = factor.challenges.new(SIGN_IN)
    options = factor.passkeys.request_options(known_party(call), challenge)
    return _options(options)


def _options(options: dict[str, Any]) -> Answer:
    return json_answer(OptionsView(publicKey=options))


@operation(
    "POST",
    "/v1/sessions/passkey",
    needs=ANYONE,
    body=PasskeySignInBody,
    answers={201: SessionStartedView},
)
async def sign_in_with_passkey(call: Call, body: PasskeySignInBody) -> Answer:
    """Sign in with a passkey alone: its authenticator has verified the person."""
    command = SignInWithPasskey(
        credential=credential_json(body.credential),
        party=known_party(call),
        address=call.address,
        device=call.device,
        replaces=await replaced_session(call),
    )
    return await execute(call, command, rendered_session(call))


OPERATIONS = (
    offer_passkey,
    add_passkey,
    list_passkeys,
    get_passkey,
    remove_passkey,
    passkey_sign_in_options,
    sign_in_with_passkey,
)
