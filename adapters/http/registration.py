"""Registering over HTTP, and what goes by mail: to verify an address, to choose a new password.

None of it says whether an address has an account, but for registering where addresses need no
verification (`ACCOUNTS_VERIFY=optional`).
"""

from typing import Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.even_answers import evenly
from adapters.http.names import Typed
from adapters.http.operations import ANYONE, operation
from application.accounts.passwords import AskForPasswordReset, ResetForgottenPassword
from application.accounts.registering import AskForVerification, Register, Registered, Verify


class AccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An e-mail address, and a password of 8 to 256 characters."""

    email: Typed
    password: Typed


class RegisteredView(msgspec.Struct, frozen=True, kw_only=True):
    """The account that was opened."""

    id: str


class PendingView(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say, is said by mail."""

    state: Literal["pending"] = "pending"


class AddressBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An e-mail address."""

    email: Typed


class MailedTokenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token that came by mail."""

    token: Typed


class NewPasswordBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token that came by mail, and a password of 8 to 256 characters."""

    token: Typed
    password: Typed


def pending(_result: object, _version: int) -> Answer:
    """The one answer to whatever is answered by mail."""
    return json_answer(PendingView(), 202)


def _registered(registered: Registered, version: int) -> Answer:
    if registered.id is None:
        return pending(registered, version)
    location = (b"location", f"/v1/accounts/{registered.id}".encode())
    return json_answer(RegisteredView(id=registered.id), 201, (location,))


@operation(
    "POST",
    "/v1/accounts",
    needs=ANYONE,
    body=AccountBody,
    answers={201: RegisteredView, 202: PendingView},
)
async def register(call: Call, body: AccountBody) -> Answer:
    """Open an account.

    A token goes to the address, to verify it. Where that is required before anybody signs in, every
    address is answered alike, and who has an account already is told by mail. Where it is not, an
    address that is taken is refused.
    """
    command = Register(email=body.email, password=body.password, address=call.address)
    work = execute(call, command, _registered)
    required = call.platform.settings.accounts_verify == "required"
    return await (evenly(work) if required else work)


@operation("POST", "/v1/accounts/verify", needs=ANYONE, body=MailedTokenBody, answers={204: None})
async def verify(call: Call, body: MailedTokenBody) -> Answer:
    """Verify an address with the token that was mailed there."""
    return await execute(call, Verify(token=body.token), no_content)


@operation(
    "POST",
    "/v1/accounts/verification",
    needs=ANYONE,
    body=AddressBody,
    answers={202: PendingView},
)
async def ask_for_verification(call: Call, body: AddressBody) -> Answer:
    """Have the token mailed once more; every address is answered alike."""
    command = AskForVerification(email=body.email, address=call.address)
    return await evenly(execute(call, command, pending))


@operation(
    "POST",
    "/v1/accounts/password-reset",
    needs=ANYONE,
    body=AddressBody,
    answers={202: PendingView},
)
async def ask_for_password_reset(call: Call, body: AddressBody) -> Answer:
    """Have a token mailed that opens the account once; every address is answered alike."""
    command = AskForPasswordReset(email=body.email, address=call.address)
    return await evenly(execute(call, command, pending))


@operation(
    "POST",
    "/v1/accounts/password-reset/confirm",
    needs=ANYONE,
    body=NewPasswordBody,
    answers={204: None},
)
async def reset_password(call: Call, body: NewPasswordBody) -> Answer:
    """Choose a new password with the token; all sessions of the account end."""
    command = ResetForgottenPassword(token=body.token, password=body.password, address=call.address)
    return await execute(call, command, no_content)


OPERATIONS = (register, verify, ask_for_verification, ask_for_password_reset, reset_password)
