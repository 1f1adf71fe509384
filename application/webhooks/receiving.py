"""Receiving: from a request that anybody could have sent to a receipt that is kept.

A message is answered once its receipt is in the log, and not before. What came already is answered
the same and recorded nowhere: the id of its receipt is the same, and the log takes only one stream
of a name. What cannot be verified is counted outside the log, which hears of it once a minute.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog

from application.bus import Run
from application.current import CurrentStates
from application.event_store import Outage
from application.tenants import Tenants
from application.unit import Done, Unit
from application.webhooks.payloads import external_id, kept_headers, mark_of, written
from application.webhooks.ports import (
    Genuine,
    Headers,
    RefusalCounter,
    SignatureVerifier,
    Tally,
    WebhookNames,
)
from domain.rejections import Unauthenticated
from domain.tenants import Suspended
from domain.webhooks.hooks import HOOK, Hook, NoSuchHook
from domain.webhooks.receipts import RECEIPT, Receipt, ReceiveWebhook
from domain.webhooks.refusals import REFUSALS, Reason, RecordRefusal
from domain.webhooks.sources import SOURCE, Source

log = structlog.get_logger(__name__)


class Receive(msgspec.Struct, frozen=True, kw_only=True):
    """Take in a message that has come to a hook."""

    hook: str
    headers: Headers
    body: bytes


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of a message; `again` when it had come before."""

    receipt: str
    again: bool


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """Slack asks whether this address is ours, by a text that it wants back; nothing is kept."""

    challenge: str


class BadSignature(Unauthenticated):
    """No secret of the source gives the signature that the message bears."""

    slug = "bad-signature"
    title = "The signature does not fit"


class StaleTimestamp(Unauthenticated):
    """The message was signed too long ago, or its time is none."""

    slug = "stale-timestamp"
    title = "The time of the signature is not accepted"


_REFUSALS: dict[Reason, type[Unauthenticated]] = {
    "signature": BadSignature,
    "timestamp": StaleTimestamp,
}


class _Handshake(msgspec.Struct):
    """What Slack sends once, when the address is set."""

    type: str
    challenge: str


@dataclass(frozen=True)
class ReceiveHandler:
    """Carries out `Receive`; hooks and sources come from what this process keeps."""

    current: CurrentStates
    names: WebhookNames
    verify: SignatureVerifier
    refusals: RefusalCounter
    now: Callable[[], datetime]

    async def __call__(self, command: Receive, run: Run) -> Done[Received | Challenge]:
        """Verify the message and keep it.

        Raises:
            NoSuchHook: nothing answers at this address.
            Suspended: the tenant serves nobody now.
            BadSignature, StaleTimestamp: it is not to be believed.
        """
        hook, source = await self._addressed(command.hook)
        at = self.now()
        inside = run.inside(tenant=hook.tenant, actor=SOURCE.stream(hook.source))
        verdict = self.verify(source, command.headers, command.body, at)
        if not isinstance(verdict, Genuine):
            await self._tell(command.hook, hook.source, verdict, at, inside)
            raise _REFUSALS[verdict]
        challenge = _challenge(source, command.body)
        if challenge is not None:
            return await inside(_answered(challenge))
        return await self._keep(command, hook, source, verdict, at, inside)

    async def _addressed(self, id_: str) -> tuple[Hook, Source]:
        if not self.names.is_hook(id_):
            raise NoSuchHook
        hook = await self.current.get(HOOK, id_)
        if not isinstance(hook, Hook):
            raise NoSuchHook
        if await Tenants(self.current).suspended(hook.tenant):
            raise Suspended
        source = await self.current.get(SOURCE, hook.source, hook.tenant)
        if not isinstance(source, Source) or source.hook != id_ or not source.enabled:
            raise NoSuchHook
        return hook, source

    async def _keep(
        self,
        command: Receive,
        hook: Hook,
        source: Source,
        genuine: Genuine,
        at: datetime,
        run: Run,
    ) -> Done[Received | Challenge]:
        external = external_id(source, command.headers, command.body)
        receipt = self.names.receipt(command.hook, mark_of(external, command.body))
        encoding, parts = written(command.body)
        receive = ReceiveWebhook(
            source=hook.source,
            subject=source.subject,
            preset=source.preset,
            external_id=external,
            secret=genuine.secret,
            signed_at=genuine.signed_at,
            size=len(command.body),
            headers=kept_headers(command.headers),
            encoding=encoding,
            body=parts,
            at=at,
        )
        takes_it_for_new = True

        async def decide(unit: Unit) -> Received | Challenge:
            nonlocal takes_it_for_new
            if takes_it_for_new and not self.current.keeps(RECEIPT, receipt, hook.tenant):
                takes_it_for_new = False  # nearly every one is; the log says if this one is not
                unit.begin(RECEIPT, receipt, receive)
                return Received(receipt=receipt, again=False)
            known = await unit.load(RECEIPT, receipt)
            await unit.decide(RECEIPT, receipt, receive)
            return Received(receipt=receipt, again=isinstance(known, Receipt))

        return await run(decide, lanes=[(RECEIPT, receipt)])

    async def _tell(self, hook: str, source: str, reason: Reason, at: datetime, run: Run) -> None:
        """Count a refusal and let the log hear of it; that this fails does not make it genuine."""
        try:
            tally = await self.refusals.count(hook)
            if tally is not None:
                await self._record(tally, source, reason, at, run)
        except Outage as outage:
            log.warning("webhook_refusal_not_told", detail=outage.detail)

    async def _record(
        self, tally: Tally, source: str, reason: Reason, at: datetime, run: Run
    ) -> None:
        record = RecordRefusal(
            minute=tally.minute,
            reason=reason,
            earlier_minute=tally.earlier_minute,
            earlier_count=tally.earlier_count,
            at=at,
        )

        async def decide(unit: Unit) -> None:
            await unit.decide(REFUSALS, source, record)

        await run(decide, lanes=[(REFUSALS, source)])


def _challenge(source: Source, body: bytes) -> Challenge | None:
    if source.preset != "slack" or b"url_verification" not in body:
        return None
    try:
        handshake = msgspec.json.decode(body, type=_Handshake)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    asked = handshake.type == "url_verification"
    return Challenge(challenge=handshake.challenge) if asked else None


def _answered(challenge: Challenge) -> Callable[[Unit], Awaitable[Received | Challenge]]:
    async def decide(_unit: Unit) -> Received | Challenge:
        return challenge

    return decide
