"""How webhooks are wired."""

import adapters.http.webhooks
import application.webhooks.processing
import projections.webhooks
from adapters.capability import Capability, Effects, Handlers
from adapters.services import Services
from adapters.wiring.actions import trigger_handler
from application.bus import OneStream
from application.webhooks.processing import PROCESS, ProcessReceipt
from application.webhooks.receiving import Receive, ReceiveHandler
from application.webhooks.sources import DefineSource, DefineSourceHandler, DeleteSourceHandler
from domain.webhooks.hooks import HOOK
from domain.webhooks.receipts import RECEIPT, ReplayWebhook
from domain.webhooks.refusals import REFUSALS
from domain.webhooks.sources import SOURCE, DeleteSource, DisableSource, EnableSource


def _handlers(services: Services) -> Handlers:
    ports, by_source = services.webhooks, OneStream(SOURCE, lambda command: command.source)
    return {
        DefineSource: DefineSourceHandler(
            registry=services.registry,
            verify=ports.verify,
            names=ports.names,
            now=services.now,
            new_id=services.new_id,
        ),
        DisableSource: by_source,
        EnableSource: by_source,
        DeleteSource: DeleteSourceHandler(),
        ReplayWebhook: OneStream(RECEIPT, lambda command: command.receipt),
        Receive: ReceiveHandler(
            current=services.current,
            names=ports.names,
            verify=ports.verify,
            refusals=ports.refusals,
            now=services.now,
        ),
    }


def _effects(services: Services) -> Effects:
    process = ProcessReceipt(
        current=services.current,
        read=services.webhooks.read,
        registry=services.registry,
        trigger=trigger_handler(services),
        now=services.now,
        new_id=services.new_id,
    )
    return {PROCESS: process}


CAPABILITY = Capability(
    name="webhooks",
    deciders=(SOURCE, HOOK, RECEIPT, REFUSALS),
    handlers=_handlers,
    projections=(projections.webhooks.PROJECTION,),
    reactions=(application.webhooks.processing.REACTION,),
    effects=_effects,
    operations=adapters.http.webhooks.OPERATIONS,
)
