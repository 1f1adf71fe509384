"""Actions: what a person may trigger, behind which flag and limit, and how it is carried out."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from domain.decider import Command, Decider, Event, SecretJson
from domain.rejections import Forbidden, NotFound
from domain.retries import RetryPolicy


class HttpTarget(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="http"):
    """Carried out by a call to `url`; `timeout` in seconds, over the whole call."""

    url: str
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = "POST"
    timeout: float = 10.0


class LogTarget(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="log"):
    """Carried out by a line in the platform's log."""


Target = HttpTarget | LogTarget


class ActionDefined(Event, frozen=True, kw_only=True, tag="action.defined"):
    """The action exists, or works differently from now on."""

    SCHEMA = 2

    flag: str | None
    limit: str | None
    input_schema: Any
    executor: Target
    headers: SecretJson
    retry: RetryPolicy
    schema: str | None = None


class DefineAction(Command, frozen=True, kw_only=True):
    """Say what the action is from now on.

    `input_schema` is a valid JSON Schema or None, `schema` the name of a published one or None; an
    input must satisfy both.
    """

    name: str
    flag: str | None
    limit: str | None
    input_schema: Any
    executor: Target
    headers: dict[str, str]
    retry: RetryPolicy
    schema: str | None = None
    at: datetime


class NoAction(msgspec.Struct, frozen=True):
    """No such action was defined."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """An action that can be triggered."""

    flag: str | None
    limit: str | None
    input_schema: Any
    executor: Target
    headers: dict[str, str]
    retry: RetryPolicy
    schema: str | None = None


class NoSuchAction(NotFound):
    """No such action was defined."""

    slug = "no-such-action"
    title = "There is no such action"


class FlagOff(Forbidden):
    """The flag that gates the action is off for this caller."""

    slug = "flag-off"
    title = "A feature flag is off"


def decide(action: NoAction | Action, command: DefineAction) -> list[ActionDefined]:
    """Define the action, unless it is so already."""
    defined = ActionDefined(
        flag=command.flag,
        limit=command.limit,
        input_schema=command.input_schema,
        executor=command.executor,
        headers=command.headers,
        retry=command.retry,
        schema=command.schema,
    )
    return [] if action == evolve(action, defined) else [defined]


def evolve(_action: NoAction | Action, event: ActionDefined) -> Action:
    """The action after an event."""
    return Action(
        flag=event.flag,
        limit=event.limit,
        input_schema=event.input_schema,
        executor=event.executor,
        headers=event.headers if isinstance(event.headers, dict) else {},
        retry=event.retry,
        schema=event.schema,
    )


def add_schema(old: dict[str, Any]) -> dict[str, Any]:
    """From schema version 1, when an action could not name a schema."""
    return {**old, "schema": None}


ACTION: Decider[NoAction | Action, DefineAction, ActionDefined] = Decider(
    category="action", events=ActionDefined, initial=NoAction(), decide=decide, evolve=evolve
)
