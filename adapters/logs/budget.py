"""How long one request may search; what it has not seen by then, the next one sees."""

import time
from typing import Final

PAGE: Final = 10.0
HISTOGRAM: Final = 30.0


class TimeUp(Exception):  # noqa: N818 - no error: the request is answered with what was found
    """The request's time is up."""


class Budget:
    """Seconds from now on."""

    def __init__(self, seconds: float) -> None:
        """Begin to count."""
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raise `TimeUp` when it is used up."""
        if time.monotonic() >= self._end:
            raise TimeUp
