"""Whose an address is, and taking it for an account.

An erasure gives its address back; but where the log was restored to before it, only the keys tell
of it, and nobody knows any more which address it was. So what an erased account has is free.
"""

from datetime import datetime

from application.unit import Unit
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    EmailReservation,
    ErasedAccount,
    ReleaseEmail,
    ReserveEmail,
)


async def reservation_of(unit: Unit, address: str) -> EmailReservation:
    """Whose an address is, told by its hash; an erased account has given it back."""
    known = await unit.load(EMAIL, address)
    if not known.account:
        return known
    owner = await unit.load(ACCOUNT, known.account)
    if isinstance(owner, ErasedAccount):
        return EmailReservation("", known.releases + 1)
    return known


async def reserve(unit: Unit, address: str, account: str, at: datetime) -> None:
    """Take an address, told by its hash, which may still be an erased account's.

    Raises:
        EmailTaken: somebody has it.
    """
    holder = (await unit.load(EMAIL, address)).account
    if holder and not (await reservation_of(unit, address)).account:
        await unit.decide(EMAIL, address, ReleaseEmail(account=holder, at=at))
    await unit.decide(EMAIL, address, ReserveEmail(account=account, at=at))
