"""How long to wait before a program that ended is started again."""

from dataclasses import dataclass


@dataclass
class Backoff:
    """Doubles from `first` to `most` seconds; a run of `stable` seconds begins anew."""

    first: float = 0.2
    most: float = 10.0
    stable: float = 10.0
    _pause: float = 0.0

    def after(self, ran: float) -> float:
        """The pause in seconds after a run of `ran` seconds."""
        if ran >= self.stable or not self._pause:
            self._pause = self.first
        else:
            self._pause = min(self._pause * 2, self.most)
        return self._pause
