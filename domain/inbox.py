"""The inbox: what an account was told, and whether it has read it.

Every item is a stream of its own, named by its account and the delivery that brought it, so that
an account can only ever address its own items, and deliveries to one inbox never wait for each
other.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Erased, Event, Personal
from domain.rejections import NotFound


class InboxItemAdded(Event, frozen=True, kw_only=True, tag="inbox_item.added"):
    """A reminder has come; `account` is the id of the account or key whose inbox it is."""

    PERSON = "account"

    account: str
    reminder: str
    occurrence: int
    due_at: datetime
    late: bool
    title: Personal
    body: Personal | None


class InboxItemRead(Event, frozen=True, kw_only=True, tag="inbox_item.read"):
    """It has been read."""


InboxEvent = InboxItemAdded | InboxItemRead


class AddItem(Command, frozen=True, kw_only=True):
    """Put something into an inbox."""

    account: str
    reminder: str
    occurrence: int
    due_at: datetime
    late: bool
    title: str | Erased
    body: str | Erased | None
    at: datetime


class ReadItem(Command, frozen=True, kw_only=True):
    """Take note of an item."""

    account: str
    item: str
    at: datetime


InboxCommand = AddItem | ReadItem


class NoItem(msgspec.Struct, frozen=True):
    """Nothing has come."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item of an inbox."""

    added: InboxItemAdded
    read: bool = False


class NoSuchItem(NotFound):
    """No such item has come to this inbox."""

    slug = "no-such-item"
    title = "There is no such item in your inbox"


def decide(item: NoItem | Item, command: InboxCommand) -> list[InboxEvent]:
    """Answer a command with the events it causes."""
    match command:
        case AddItem():
            return _add(item, command)
        case ReadItem():
            return _read(item)
        case _:
            assert_never(command)


def _add(item: NoItem | Item, command: AddItem) -> list[InboxEvent]:
    if isinstance(item, Item):
        return []
    return [
        InboxItemAdded(
            account=command.account,
            reminder=command.reminder,
            occurrence=command.occurrence,
            due_at=command.due_at,
            late=command.late,
            title=command.title,
            body=command.body,
        )
    ]


def _read(item: NoItem | Item) -> list[InboxEvent]:
    if isinstance(item, NoItem):
        raise NoSuchItem
    return [] if item.read else [InboxItemRead()]


def evolve(item: NoItem | Item, event: InboxEvent) -> NoItem | Item:
    """The item after an event."""
    match event:
        case InboxItemAdded():
            return Item(added=event)
        case InboxItemRead():
            return item if isinstance(item, NoItem) else msgspec.structs.replace(item, read=True)
        case _:
            assert_never(event)


INBOX_ITEM: Decider[NoItem | Item, InboxCommand, InboxEvent] = Decider(
    category="inbox", events=InboxEvent, initial=NoItem(), decide=decide, evolve=evolve
)


def place(account: str, item: str) -> str:
    """The id of an item's stream."""
    return f"{account}.{item}"
