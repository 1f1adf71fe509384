"""Given these events, when this command, then those events: a decider's test as a sentence."""

from dataclasses import dataclass
from typing import Any

import pytest

from domain.decider import Decider, Event
from domain.rejections import Rejection


@dataclass(frozen=True)
class Given:
    decider: Decider[Any, Any, Any]
    history: tuple[Event, ...]

    def when(self, command: object) -> "When":
        return When(self.decider, self.decider.fold(self.history), command)


@dataclass(frozen=True)
class When:
    decider: Decider[Any, Any, Any]
    state: Any
    command: object

    def then(self, *events: Event) -> None:
        assert self.decider.decide(self.state, self.command) == list(events)

    def refused(self, rejection: type[Rejection]) -> Rejection:
        with pytest.raises(rejection) as caught:
            self.decider.decide(self.state, self.command)
        return caught.value


def given(decider: Decider[Any, Any, Any], *history: Event) -> Given:
    return Given(decider, history)
