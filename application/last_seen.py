"""When something was last seen: coarse, cheap, and lost without loss.

Such times are no events. They are kept beside the log, where they survive the loss of Redis: the
sessions that come back then are those that were not idle for too long. `kind` says of what they
are (`session`, `api-key`), an id is known by nobody else in its kind.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

SESSION_KIND = "session"
API_KEY_KIND = "api-key"


class LastSeen(Protocol):
    """Remembers the last time for each thing."""

    def saw(self, kind: str, id_: str) -> None:
        """Something was seen now. Costs no more than a dictionary's entry; recorded later on.

        What a process that is killed had not recorded yet is lost.
        """
        ...

    async def seen(self, kind: str, ids: Sequence[str]) -> dict[str, datetime]:
        """When these were last seen, as far as it is known; what is not known is left out.

        Includes what this process has seen, and what others have recorded.

        Raises:
            Outage: where it is kept does not answer.
        """
        ...
