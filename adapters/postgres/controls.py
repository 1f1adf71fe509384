"""What people have decided about projections, read from their streams when it changed."""

from collections.abc import Iterable
from itertools import takewhile

from application.codec import EventCodec
from application.event_store import EventStore
from domain.projections import PROJECTION, Controls
from domain.recorded import SYSTEM_TENANT

_PAGE = 1000


class ControlReader:
    """The folded streams of the projections that were asked for."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        """Nothing is known yet."""
        self._store = store
        self._codec = codec
        self._known: dict[str, tuple[int, Controls]] = {}
        self._stale: set[str] = set()

    def changed(self, names: Iterable[str]) -> None:
        """Read these again next time."""
        self._stale.update(names)

    def known(self, name: str) -> Controls:
        """What was decided, as far as it was read."""
        return self._known.get(name, (0, PROJECTION.initial))[1]

    async def read(self, names: Iterable[str]) -> dict[str, Controls]:
        """What is decided about these.

        Raises:
            Outage: as the store does.
        """
        wanted = set(names)
        for name in wanted:
            if name not in self._known or name in self._stale:
                self._stale.discard(name)  # first: what changes while this is read counts
                try:
                    await self._read(name)
                except BaseException:
                    self._stale.add(name)
                    raise
        return {name: self.known(name) for name in wanted}

    async def _read(self, name: str) -> None:
        version, controls = self._known.get(name, (0, PROJECTION.initial))
        stream = (SYSTEM_TENANT, PROJECTION.stream(name))
        while True:
            stored = await self._store.read_stream(stream, after=version, limit=_PAGE)
            readable = list(takewhile(self._codec.knows, stored))
            for recorded in await self._codec.decode(readable):
                controls = PROJECTION.evolve(controls, recorded.event)
                version = recorded.version
            self._known[name] = (version, controls)
            if len(readable) < _PAGE:
                return
