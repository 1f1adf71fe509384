"""Sources: how a provider's messages are verified, told apart, and what they cause.

A source keeps the address that it was given first, through every change. Once it is deleted, that
address is closed for good: a source of the same name begins anew, with another one.
"""

from datetime import datetime
from typing import Literal, assert_never

import msgspec

from domain.decider import Command, Decider, Event, SecretJson
from domain.rejections import NotFound

Preset = Literal["standard-webhooks", "github", "stripe", "slack", "generic"]
MOST_SECRETS = 2
"""One is in use; during a rotation its successor is, too."""


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """How a generic provider signs: an HMAC in one header, over the body.

    With a `timestamp_header` what is signed is that header's value, a full stop, and the body.
    """

    signature_header: str = "x-signature"
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    algorithm: Literal["sha256", "sha512"] = "sha256"
    timestamp_header: str | None = None


class Dedup(msgspec.Struct, frozen=True, kw_only=True):
    """What makes two messages the same: the provider's event id, or all of the body.

    `auto` takes the id where the preset's provider puts it; `header` and `pointer` (RFC 6901) say
    in `name` where it is. A message without an id is told apart by its body.
    """

    by: Literal["auto", "body", "header", "pointer"] = "auto"
    name: str = ""


class ToLog(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="log"):
    """A message causes a line in the platform's log, which bears this name."""

    name: str = ""


class ToAction(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="action"):
    """A message causes a run of an action; `input` is the payload, or it within an envelope."""

    name: str
    input: Literal["payload", "envelope"] = "payload"


WebhookTarget = ToLog | ToAction


class SourceDefined(Event, frozen=True, kw_only=True, tag="webhook_source.defined"):
    """The source exists, or works differently from now on; `tolerance` in seconds.

    `subject` is the id under whose key everything is sealed that the provider sends.
    """

    hook: str
    subject: str
    preset: Preset
    secrets: SecretJson
    tolerance: float
    dedup: Dedup
    scheme: Scheme | None
    target: WebhookTarget
    schema: str | None


class SourceDisabled(Event, frozen=True, kw_only=True, tag="webhook_source.disabled"):
    """Nothing is taken from the provider until somebody enables the source."""


class SourceEnabled(Event, frozen=True, kw_only=True, tag="webhook_source.enabled"):
    """The provider's messages are taken again."""


class SourceDeleted(Event, frozen=True, kw_only=True, tag="webhook_source.deleted"):
    """The source is gone, and its address with it."""


SourceEvent = SourceDefined | SourceDisabled | SourceEnabled | SourceDeleted


class SetSource(Command, frozen=True, kw_only=True):
    """Say what the source is; a new one gets `hook` and `subject`, another keeps its own.

    `secrets` None keeps those that are there.
    """

    source: str
    hook: str
    subject: str
    preset: Preset
    secrets: tuple[str, ...] | None
    tolerance: float
    dedup: Dedup
    scheme: Scheme | None
    target: WebhookTarget
    schema: str | None
    at: datetime


class DisableSource(Command, frozen=True, kw_only=True):
    """Take nothing from the provider."""

    source: str
    at: datetime


class EnableSource(Command, frozen=True, kw_only=True):
    """Take the provider's messages again."""

    source: str
    at: datetime


class DeleteSource(Command, frozen=True, kw_only=True):
    """End the agreement; what was received stays."""

    source: str
    at: datetime


SourceCommand = SetSource | DisableSource | EnableSource | DeleteSource


class NoSource(msgspec.Struct, frozen=True):
    """There is no such source, or none any more."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement with a provider."""

    hook: str
    subject: str
    preset: Preset
    secrets: tuple[str, ...]
    tolerance: float
    dedup: Dedup
    scheme: Scheme | None
    target: WebhookTarget
    schema: str | None
    enabled: bool = True


class NoSuchSource(NotFound):
    """There is no such source."""

    slug = "no-such-webhook-source"
    title = "There is no such webhook source"


def decide(source: NoSource | Source, command: SourceCommand) -> list[SourceEvent]:
    """Answer a command with the events it causes."""
    if isinstance(command, SetSource):
        return _set(source, command)
    if isinstance(source, NoSource):
        raise NoSuchSource(source=command.source)
    match command:
        case DisableSource():
            return [SourceDisabled()] if source.enabled else []
        case EnableSource():
            return [] if source.enabled else [SourceEnabled()]
        case DeleteSource():
            return [SourceDeleted()]
        case _:
            assert_never(command)


def _set(source: NoSource | Source, command: SetSource) -> list[SourceEvent]:
    known = source if isinstance(source, Source) else None
    secrets = command.secrets
    if secrets is None:
        secrets = known.secrets if known else ()
    defined = SourceDefined(
        hook=known.hook if known else command.hook,
        subject=known.subject if known else command.subject,
        preset=command.preset,
        secrets=list(secrets),
        tolerance=command.tolerance,
        dedup=command.dedup,
        scheme=command.scheme,
        target=command.target,
        schema=command.schema,
    )
    return [] if source == evolve(source, defined) else [defined]


def evolve(source: NoSource | Source, event: SourceEvent) -> NoSource | Source:
    """The source after an event."""
    match event:
        case SourceDefined():
            return Source(
                hook=event.hook,
                subject=event.subject,
                preset=event.preset,
                secrets=tuple(event.secrets) if isinstance(event.secrets, list) else (),
                tolerance=event.tolerance,
                dedup=event.dedup,
                scheme=event.scheme,
                target=event.target,
                schema=event.schema,
                enabled=source.enabled if isinstance(source, Source) else True,
            )
        case SourceDeleted():
            return NoSource()
        case _ if isinstance(source, NoSource):
            return source
        case SourceDisabled():
            return msgspec.structs.replace(source, enabled=False)
        case SourceEnabled():
            return msgspec.structs.replace(source, enabled=True)
        case _:
            assert_never(event)


SOURCE: Decider[NoSource | Source, SourceCommand, SourceEvent] = Decider(
    category="webhook-source", events=SourceEvent, initial=NoSource(), decide=decide, evolve=evolve
)
