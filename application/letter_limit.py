"""How many letters strangers may have sent to an address.

Whoever knows an address can ask for mails to it: to verify it, to reset a password. A few an hour
are sent, further ones silently are not, so nobody is flooded and the log does not grow. Each
network that asks has its own few, or a stranger could use up those of the person; all
together have some more. Addresses that differ in their detail alone (`ada+shop@`, RFC 5233) are one
mailbox.

Over all addresses a network has many: it may be an application that asks for all of its people.
Yet nobody is to have us write to any number of strangers.

Counted are addresses, whether they have an account or not, so the counting tells nothing.
"""

from dataclasses import dataclass

from application.lockout import address_range
from application.rate_counter import LimitPolicy, RateCounter
from domain.recorded import SYSTEM_TENANT

_HOUR = 3600.0
FROM_ONE_RANGE = LimitPolicy(
    name="letters", tenant=SYSTEM_TENANT, algorithm="sliding_window", limit=5, window=_HOUR
)
FROM_ONE_RANGE_IN_ALL = LimitPolicy(
    name="letters-of-range",
    tenant=SYSTEM_TENANT,
    algorithm="sliding_window",
    limit=1000,
    window=_HOUR,
)
FROM_ALL = LimitPolicy(
    name="letters-in-all", tenant=SYSTEM_TENANT, algorithm="sliding_window", limit=20, window=_HOUR
)


@dataclass(frozen=True)
class LetterLimit:
    """Counts letters to addresses, by keyed hashes."""

    counter: RateCounter

    async def __call__(self, email: str, address: str) -> bool:
        """Whether another letter may go to an address (in its form) that a client asks for.

        Raises:
            Outage: when the counters do not answer.
        """
        place, mailbox = address_range(address), _mailbox(email)
        counts = (
            (FROM_ONE_RANGE, f"{place} {mailbox}"),
            (FROM_ONE_RANGE_IN_ALL, place),
            (FROM_ALL, mailbox),
        )
        for policy, subject in counts:
            if not (await self.counter.check(policy, subject)).allowed:
                return False
        return True


def _mailbox(email: str) -> str:
    """An address without its detail; a name that is all detail stays."""
    name, at, domain = email.rpartition("@")
    return f"{name.partition('+')[0] or name}{at}{domain}"
