"""Operations: one method on one path, declared beside the function that carries it out.

An operation is an ASGI application. Litestar routes to it (`adapters.http.app.route`) and stays out
of the way, which costs a fraction of what the same no-op costs with Litestar's own decoding,
validation and encoding.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from adapters.http.addresses import asks_from
from adapters.http.answers import Answer
from adapters.http.authentication import authenticate
from adapters.http.bodies import Body, RawBody, read_nothing
from adapters.http.calls import Call
from adapters.http.moments import seen_here
from adapters.http.queries import Query
from domain.access import MissingPermission
from domain.rejections import Unauthenticated

Handle = Callable[..., Awaitable[Answer | None]]

ANYONE = None
SIGNED_IN = ""

ADMITTED_FOR = 0.05
"""Seconds after which who was let in is asked for their credential again, before a command."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How one operation is asked for, who may, and what it answers.

    `needs` is a permission, `SIGNED_IN` for any credential, or `ANYONE`; of those in `any_of` one
    is enough, and the handler asks which the caller has. `answers` maps status numbers to the
    struct of the body (None: no body). `keyed` operations take an `Idempotency-Key`, `conditional`
    ones an `If-Match`, and `consistent` ones an `Annals-Consistent-After`, as do all commands that
    ask who sends them: nobody else is told where the log ends.
    For a `fresh` one, who is in a session must have proved lately who they are. It is recorded only
    while the session counts, as is a `lasting` one.

    An access token is short-lived and may leak, so what would outlive it needs the session itself:
    a `lasting` one changes who comes in, how, or what they may do here. So do all commands that are
    `fresh`, unless they say that they do not: those that take credentials back do not, so that
    whoever finds a leak can stop it with what they have.

    A `scraped` one is also answered to whoever asks from `METRICS_NETWORKS`. A handler that gives
    None has sent its answer itself.
    """

    method: str
    path: str
    handle: Handle
    needs: str | None
    answers: Mapping[int, Any]
    any_of: tuple[str, ...] = ()
    body: Body[Any] | RawBody | None = None
    query: Query[Any] | None = None
    keyed: bool = False
    conditional: bool = False
    consistent: bool = False
    fresh: bool = False
    lasting: bool = False
    scraped: bool = False
    media_type: str = "application/json"
    tag: str = ""

    @property
    def name(self) -> str:
        """The operation's name, for the OpenAPI document and for logs."""
        return self.handle.__name__

    @property
    def summary(self) -> str:
        """The first sentence of the handler's docstring."""
        return (self.handle.__doc__ or self.name).partition("\n")[0]

    @property
    def asks(self) -> bool:
        """Whether it asks who sends it."""
        return self.needs is not ANYONE

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions that open it, each of them."""
        return self.any_of or ((self.needs,) if self.needs else ())

    def _needed(self, call: Call) -> tuple[str, ...]:
        """The permissions to insist on: of those that are enough, one that the caller has."""
        has = [each for each in self.any_of if each in call.principal.permissions]
        return tuple((has or self.permissions)[:1])

    async def _admit(self, call: Call) -> None:
        await authenticate(call)
        if self.lasting:
            call.require_session()
        for permission in self._needed(call):
            call.require(permission)
        if self.fresh:
            call.require_fresh()

    async def _admit_scraper(self, call: Call) -> None:
        settings = call.platform.settings
        if asks_from(call.scope, settings.metrics_networks, settings.trusted_proxies):
            return
        try:
            await self._admit(call)
        except (Unauthenticated, MissingPermission) as refused:
            detail = f"Send a key with the permission {self.needs}, or ask from METRICS_NETWORKS."
            raise type(refused)(detail, **refused.facts) from None

    async def _receive(self, call: Call) -> None:
        """Wait for what the caller has seen, and for the body; who takes long is asked anew."""
        began = perf_counter()
        if self.asks:
            await seen_here(call)
        if self.body is None:
            await read_nothing(call.headers, call.receive)
        else:
            call.body = await self.body.read(call.headers, call.receive)
        if self.asks and perf_counter() - began > ADMITTED_FOR:
            await self._admit(call)

    async def answer(self, call: Call) -> Answer | None:
        """Authenticate, validate, carry out.

        Raises:
            Exception: whatever becomes a problem document.
        """
        call.conditional = self.conditional
        call.premised = self.fresh or self.lasting
        if self.asks:
            await (self._admit_scraper(call) if self.scraped else self._admit(call))
        if self.method != "GET":
            await self._receive(call)
        if self.body is not None:
            given = [self.body.decode(call.body)]
            if self.query is not None:
                given.append(self.query.decode(call.query()))
            return await self.handle(call, *given)
        if self.query is not None:
            return await self.handle(call, self.query.decode(call.query()))
        if call.scope["query_string"]:
            Query.refuse_all(call.query())
        return await self.handle(call)


def operation(
    method: str,
    path: str,
    *,
    answers: Mapping[int, Any],
    needs: str | None = ANYONE,
    any_of: tuple[str, ...] = (),
    body: type[Any] | RawBody | None = None,
    query: type[Any] | None = None,
    conditional: bool = False,
    consistent: bool = False,
    keyed: bool = True,
    fresh: bool = False,
    lasting: bool | None = None,
    scraped: bool = False,
    media_type: str = "application/json",
) -> Callable[[Handle], Operation]:
    """Make an operation of the function that carries it out.

    It is called with the call, then with the decoded body and the decoded query, where the
    operation has them. What is `lasting` by itself need not be said; see `Operation`.
    """
    needed = SIGNED_IN if any_of else needs

    def declare(handle: Handle) -> Operation:
        return Operation(
            method=method,
            path=path,
            handle=handle,
            needs=needed,
            any_of=any_of,
            answers=answers,
            body=body if body is None or isinstance(body, RawBody) else Body(body),
            query=None if query is None else Query(query),
            keyed=keyed and method != "GET",
            conditional=conditional,
            consistent=consistent or (method != "GET" and needed is not ANYONE),
            fresh=fresh,
            lasting=fresh and method != "GET" if lasting is None else lasting,
            scraped=scraped,
            media_type=media_type,
            tag=handle.__module__.rpartition(".")[2],
        )

    return declare
