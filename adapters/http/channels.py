"""Channels as a request names them and as answers show them."""

from typing import Annotated, Any, assert_never

import msgspec

from adapters.crypto.standard_webhooks import key_of
from adapters.egress.urls import UnusableUrl, check_url
from adapters.http.names import known_id
from domain.channels import (
    Channel,
    EmailChannel,
    InboxChannel,
    LogChannel,
    Route,
    WebhookChannel,
)
from domain.emails import mailable_email
from domain.rejections import Fault, Invalid, NotFound

_KEY_BYTES = range(24, 65)  # Standard Webhooks 1.0.0, "Signature scheme"


class LogBody(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="log",
):
    """Write a line into the platform's log."""


class WebhookBody(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="webhook",
):
    """POST to a URL, signed by Standard Webhooks.

    Without a `secret` one is made and told once, in the answer.
    """

    url: Annotated[str, msgspec.Meta(pattern="^https?://[^\\s]+$", max_length=2000)]
    secret: Annotated[str, msgspec.Meta(pattern="^whsec_[A-Za-z0-9+/]{1,100}={0,2}$")] | None = None


class EmailBody(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="email",
):
    """Send a message; without `to`, to the address of the caller's account."""

    to: (
        Annotated[
            str, msgspec.Meta(pattern="^[!#-'*+/-9=?A-Z^-~.-]+@[A-Za-z0-9.-]+$", max_length=254)
        ]
        | None
    ) = None


class InboxBody(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="inbox",
):
    """Put it into an inbox; without `account`, into the caller's."""

    account: Annotated[str, msgspec.Meta(max_length=36)] | None = None


ChannelBody = LogBody | WebhookBody | EmailBody | InboxBody


def route_of(body: ChannelBody, owner: str, *, sends_mail: bool) -> Route:
    """The way that a request names.

    Raises:
        Invalid: with a pointer into the request's body.
    """
    match body:
        case LogBody():
            return Route(channel=LogChannel())
        case WebhookBody():
            return _webhook(body)
        case EmailBody():
            if not sends_mail:
                raise _fault("kind", "unavailable", "sends no e-mail here: SMTP_URL is not set")
            address = None if body.to is None else mailable_email(body.to)
            if body.to is not None and address is None:
                raise _fault("to", "email", "is no e-mail address")
            return Route(channel=EmailChannel(), address=address)
        case InboxBody():
            return Route(channel=InboxChannel(account=_account(body.account or owner)))
        case _:
            assert_never(body)


def _webhook(body: WebhookBody) -> Route:
    try:
        check_url(body.url)
    except UnusableUrl as error:
        raise _fault("url", "url", str(error)) from None
    if body.secret is not None:
        try:
            long_enough = len(key_of(body.secret)) in _KEY_BYTES
        except ValueError:
            long_enough = False
        if not long_enough:
            raise _fault("secret", "secret", "must be 24 to 64 bytes in base64 behind whsec_")
    return Route(channel=WebhookChannel(url=body.url), secret=body.secret)


def _account(text: str) -> str:
    try:
        return known_id(text, lambda _: NotFound())
    except NotFound:
        raise _fault("account", "format", "is no id of an account") from None


def _fault(member: str, code: str, detail: str) -> Invalid:
    return Invalid(Fault(pointer=f"/channel/{member}", code=code, detail=detail))


def shown(route: Route, new_secret: str = "") -> dict[str, Any]:
    """A way as answers show it; its secret only where it was made just now."""
    channel: Channel = route.channel
    view: dict[str, Any] = msgspec.to_builtins(channel)
    if isinstance(channel, EmailChannel):
        view["to"] = route.address if isinstance(route.address, str) else None
    if new_secret and route.secret == new_secret:
        view["secret"] = new_secret
    return view
