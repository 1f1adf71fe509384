"""How the inbox is wired."""

import adapters.http.inbox
import projections.inbox
from adapters.capability import Capability
from application.bus import OneStream
from domain.inbox import INBOX_ITEM, ReadItem, place

CAPABILITY = Capability(
    name="inbox",
    deciders=(INBOX_ITEM,),
    handlers=lambda _: {
        ReadItem: OneStream(INBOX_ITEM, lambda command: place(command.account, command.item))
    },
    projections=(projections.inbox.PROJECTION,),
    operations=adapters.http.inbox.OPERATIONS,
)
