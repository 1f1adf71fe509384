"""Tokens over HTTP, for clients that are no browsers; see `docs/guides/tokens.md`."""

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.authentication import authenticate, named_tenant
from adapters.http.bodies import Body, RawBody, check_media_type
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.even_answers import without_position
from adapters.http.names import Typed
from adapters.http.operations import ANYONE, operation
from adapters.http.second_factor_shapes import FactorBody, given_factor
from application.tokens.exchanging import ExchangeSession, SignInForTokens
from application.tokens.making import Holder, Tokens
from application.tokens.refreshing import RevokeRefreshToken, UseRefreshToken
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Fault, Forbidden, Invalid


class TokensBody(FactorBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person signs in with; nothing of it in a session."""

    email: Typed | None = None
    password: Typed | None = None


class RefreshTokenBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token that was given last."""

    refresh_token: Typed


class NotASession(Forbidden):
    """Only a session gives tokens: neither a key nor another token does."""

    slug = "not-a-session"
    title = "Only a session can be exchanged for tokens"


_decode = Body(TokensBody).decode


@operation(
    "POST",
    "/v1/tokens",
    needs=ANYONE,
    body=RawBody(media_type="application/json", shape=TokensBody),
    answers={200: Tokens},
)
async def issue_tokens(call: Call, raw: bytes) -> Answer:
    """Exchange credentials, or the session that this is sent in, for tokens."""
    body = TokensBody()
    if raw:
        check_media_type(call.headers.get(b"content-type", b""))
        body = _decode(raw)
    if body == TokensBody():
        return await execute(call, ExchangeSession(holder=await _holder(call)), _render)
    email, password = _credentials(body)
    command = SignInForTokens(
        email=email,
        password=password,
        given=given_factor(call, body),
        address=call.address,
        device=call.device,
        tenant=named_tenant(call) or DEFAULT_TENANT,
    )
    return await execute(call, command, _render)


async def _holder(call: Call) -> Holder:
    """The session that the request is sent in.

    Raises:
        NotASession: the credential is an API key or an access token.
    """
    await authenticate(call)
    if call.session is None or call.access_token:
        raise NotASession
    return Holder.of(call.session, call.tenant)


def _credentials(body: TokensBody) -> tuple[str, str]:
    if body.email is not None and body.password is not None:
        return body.email, body.password
    given = {"email": body.email, "password": body.password}
    raise Invalid(
        *(
            Fault(pointer=f"/{name}", code="required", detail=f"{name} is required")
            for name, text in given.items()
            if text is None
        )
    )


def _render(tokens: Tokens, _version: int) -> Answer:
    return json_answer(tokens)


@operation("POST", "/v1/tokens/refresh", needs=ANYONE, body=RefreshTokenBody, answers={200: Tokens})
async def refresh_tokens(call: Call, body: RefreshTokenBody) -> Answer:
    """Use a refresh token up, for the next one and an access token."""
    return await execute(call, UseRefreshToken(refresh_token=body.refresh_token), _render)


@operation("POST", "/v1/tokens/revoke", needs=ANYONE, body=RefreshTokenBody, answers={204: None})
async def revoke_tokens(call: Call, body: RefreshTokenBody) -> Answer:
    """Give a refresh token back, used or not; what is no token is none to give back (RFC 7009)."""
    command = RevokeRefreshToken(refresh_token=body.refresh_token)
    return without_position(await execute(call, command, no_content))


OPERATIONS = (issue_tokens, refresh_tokens, revoke_tokens)
