"""The ports of the webhook inbox: what it needs to verify, to name, and to count."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from domain.rejections import Fault
from domain.webhooks.refusals import Reason
from domain.webhooks.sources import Preset, Source

Headers = Mapping[bytes, bytes]
"""A request's headers by their names in small letters."""


class Genuine(msgspec.Struct, frozen=True, kw_only=True):
    """A message that its provider has signed.

    `secret` says which of the source's fitted, from 1; `signed_at` is None where the provider
    signs no time.
    """

    secret: int
    signed_at: datetime | None


class SignatureVerifier(Protocol):
    """Tells genuine messages from others, without I/O and in constant time per secret."""

    def faults(self, preset: Preset, secrets: Sequence[str]) -> list[Fault]:
        """What is wrong with secrets for a preset, at pointers into `secrets`."""
        ...

    def __call__(
        self, source: Source, headers: Headers, body: bytes, now: datetime
    ) -> Genuine | Reason:
        """Verify the exact bytes of a message; or why it is not to be believed.

        A time that is not written exactly as the provider writes it, or is further away than the
        source's tolerance, before or after, is a reason too.
        """
        ...


class WebhookNames(Protocol):
    """Makes names that nobody can guess, and tells them from what somebody made up, without I/O."""

    def new_hook(self) -> str:
        """The id of a new hook."""
        ...

    def is_hook(self, text: str) -> bool:
        """Whether a text is an id that `new_hook` has made in this installation."""
        ...

    def receipt(self, hook: str, mark: bytes) -> str:
        """The id of the receipt of a message that came to a hook; `mark` tells messages apart.

        The same hook and mark give the same id in every process, and nobody outside can tell
        one from the other.
        """
        ...


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What the first refusal in a minute tells of the last minute before that had any."""

    minute: datetime
    earlier_minute: datetime | None
    earlier_count: int


class RefusalCounter(Protocol):
    """Counts refused messages per hook over all processes, outside the log.

    What it loses is lost without loss: fewer events, never more. `count` raises `Outage` when the
    counters do not answer.
    """

    async def count(self, hook: str) -> Tally | None:
        """Count one; for the first of a minute (UTC) what to tell of it, for others None."""
        ...
