"""One request while it is being answered: what a handler may know about it."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from adapters.http.addresses import client_address
from adapters.http.platform import HttpPlatform
from application.access import Principal
from application.context import ANONYMOUS, Context, Idempotency, Premise
from application.limits import Caller
from application.live_sessions import while_session_counts
from application.session_store import LiveSession
from domain.access import NotAPerson, SessionRequired, StepUpRequired, require
from domain.accounts import ACCOUNT
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Fault, Invalid
from domain.tenants import Suspended

COMMAND_DEADLINE = 10.0
"""Seconds that a command may spend on races with others."""

MOST_PARAMETERS = 50
_LONGEST_DEVICE = 300

FRESH = timedelta(minutes=10)
"""So long after a proof of who they are, people may do what is sensitive."""

STEP_UP = "Prove again who you are: POST /v1/sessions/current/step-up, then send this once more."

USE_SESSION = "Send the token or the cookie of a session: POST /v1/sessions begins one."

NOBODY = Principal(actor=ANONYMOUS, role="", tenant=DEFAULT_TENANT)

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_UUID = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Call:
    """A request. `principal` is nobody until the credential has been checked.

    `session` is the one that the request is sent in, unless it bears an API key; `access_token`
    tells whether a token acts for it. `conditional` tells whether the operation takes an
    `If-Match`, and `premised` whether its command is only recorded while the session counts.
    """

    __slots__ = (
        "access_token",
        "body",
        "conditional",
        "correlation_id",
        "headers",
        "operation",
        "params",
        "platform",
        "premised",
        "principal",
        "receive",
        "scope",
        "send",
        "session",
    )

    def __init__(
        self, platform: HttpPlatform, operation: str, scope: Any, receive: Any, send: Any
    ) -> None:
        """`operation` is the method and the route's template."""
        self.platform = platform
        self.operation = operation
        self.scope = scope
        self.receive = receive
        self.send = send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.params: dict[str, str] = scope["path_params"]
        self.principal = NOBODY
        self.session: LiveSession | None = None
        self.access_token = False
        self.body = b""
        self.conditional = False
        self.premised = False
        self.correlation_id = correlation_id_of(self.headers, platform)

    @property
    def tenant(self) -> str:
        """The tenant that the caller works in."""
        return self.principal.tenant

    @property
    def address(self) -> str:
        """The client's address, as far as it can be trusted."""
        return client_address(self.scope, self.platform.settings.trusted_proxies)

    @property
    def device(self) -> str | None:
        """What the client says that it is: its User-Agent."""
        agent = self.headers.get(b"user-agent")
        return None if agent is None else agent.decode("latin-1")[:_LONGEST_DEVICE]

    @property
    def caller(self) -> Caller:
        """Who is counted against limits."""
        return Caller(principal=self.principal, address=self.address)

    def require(self, permission: str) -> None:
        """Refuse a caller who lacks a permission.

        Raises:
            MissingPermission: naming it.
            Suspended: the tenant serves nobody now.
        """
        if self.principal.suspended:
            raise Suspended
        require(self.principal.permissions, permission)

    @property
    def person(self) -> str:
        """The account that sends this request.

        Raises:
            NotAPerson: when a program does.
        """
        kind, _, id_ = self.principal.actor.partition("/")
        if kind != ACCOUNT.category:
            raise NotAPerson
        return id_

    def require_fresh(self) -> None:
        """Refuse a session whose person has not proved lately who they are; keys always do.

        Raises:
            StepUpRequired: saying what to do.
        """
        session = self.session
        if session is not None and self.platform.now() - session.authenticated_at > FRESH:
            raise StepUpRequired(STEP_UP)

    def require_session(self) -> None:
        """Refuse an access token; whoever has its session sends that.

        Raises:
            SessionRequired: saying what to send.
        """
        if self.access_token:
            raise SessionRequired(USE_SESSION)

    def query(self) -> dict[str, str]:
        """The query's parameters.

        Raises:
            Invalid: when one comes twice or is not UTF-8 text, or there are too many.
        """
        raw: bytes = self.scope["query_string"]
        if not raw:
            return {}
        if raw.count(b"&") >= MOST_PARAMETERS:
            detail = f"the query has more than {MOST_PARAMETERS} parameters"
            raise Invalid(Fault(pointer="", code="too-many", detail=detail))
        found: dict[str, str] = {}
        try:
            pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
        except (UnicodeDecodeError, ValueError):
            detail = "the query is not made of UTF-8 parameters"
            raise Invalid(Fault(pointer="", code="query", detail=detail)) from None
        for name, value in pairs:
            if name in found:
                detail = f"{name[:60]} is given twice"
                raise Invalid(Fault(pointer=f"/{name[:60]}", code="duplicate", detail=detail))
            found[name] = value
        return found

    def context(
        self, *, if_match: int | None = None, idempotency: Idempotency | None = None
    ) -> Context:
        """The circumstances of this request's command."""
        return Context(
            actor=self.principal.actor,
            tenant=self.principal.tenant,
            correlation_id=self.correlation_id,
            deadline=asyncio.get_running_loop().time() + COMMAND_DEADLINE,
            if_match=if_match,
            idempotency=idempotency,
            premise=self._premise(),
            meta=meta_of(self.headers),
        )

    def _premise(self) -> Premise | None:
        if self.session is None or not self.premised:
            return None
        return while_session_counts(self.session.id, self.session.account)


def correlation_id_of(headers: dict[bytes, bytes], platform: HttpPlatform) -> UUID:
    """The caller's `Correlation-Id` where it is a UUID, else a new one."""
    given = headers.get(b"correlation-id")
    if given is not None and _UUID.fullmatch(given):
        return UUID(given.decode())
    return platform.new_id()


def meta_of(headers: dict[bytes, bytes]) -> bytes:
    """What events of this request remember besides the envelope: its W3C trace context."""
    given = headers.get(b"traceparent")
    if given is None or not _TRACEPARENT.fullmatch(given) or given[3:35] == b"0" * 32:
        return b"{}"
    return b'{"traceparent":"%b"}' % given
