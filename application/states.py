"""Folded states, kept for the next decision.

A kept state is never an answer: it may only lead to an append, whose version check keeps it
honest, or be verified against the log first. What is only read (`application.current`) is kept
honest by the log's tail.
"""

import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from application.event_store import StreamName


class Folded(msgspec.Struct, frozen=True):
    """A stream's state at a version."""

    version: int
    state: Any


class Fold(msgspec.Struct):
    """A fold under way: how many wait for it, and the version that the tail has told meanwhile."""

    users: int = 0
    told: int = 0


class StateCache:
    """The most recently used states, at most `capacity` of them."""

    def __init__(self, capacity: int = 10_000) -> None:
        """Start empty."""
        self._capacity = capacity
        self._kept: OrderedDict[StreamName, Folded] = OrderedDict()
        self._folds: dict[StreamName, Fold] = {}

    def get(self, stream: StreamName) -> Folded | None:
        """The state kept for a stream."""
        folded = self._kept.get(stream)
        if folded is not None:
            self._kept.move_to_end(stream)
        return folded

    def put(self, stream: StreamName, folded: Folded) -> None:
        """Keep a state, unless a newer one is kept, or is known to exist."""
        known = self._kept.get(stream)
        fold = self._folds.get(stream)
        if known is not None and known.version > folded.version:
            return
        if fold is not None and fold.told > folded.version:
            return
        self._kept[stream] = folded
        self._kept.move_to_end(stream)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def moved(self, stream: StreamName, version: int) -> None:
        """A stream is known to have this version: drop what is older, also what is being read."""
        known = self._kept.get(stream)
        if known is not None and known.version < version:
            del self._kept[stream]
        fold = self._folds.get(stream)
        if fold is not None:
            fold.told = max(fold.told, version)

    @contextmanager
    def folding(self, stream: StreamName) -> Iterator[None]:
        """Around reading a stream, so that what the tail tells meanwhile is not overlooked."""
        fold = self._folds.setdefault(stream, Fold())
        fold.users += 1
        try:
            yield
        finally:
            fold.users -= 1
            if not fold.users:
                del self._folds[stream]

    def drop(self, stream: StreamName) -> None:
        """Forget one stream."""
        self._kept.pop(stream, None)

    def clear(self) -> None:
        """Forget everything, also what is being read: a log was replaced, or a key destroyed."""
        self._kept.clear()
        for fold in self._folds.values():
            fold.told = sys.maxsize
