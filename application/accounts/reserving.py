"""Taking an address for an account."""

from datetime import datetime

from application.unit import Unit
from domain.accounts import ACCOUNT, EMAIL, ErasedAccount, ReleaseEmail, ReserveEmail


async def reserve(unit: Unit, address: str, account: str, at: datetime) -> None:
    """Take an address, told by its hash, which may still be an erased account's.

    An erasure gives its address back; but where the log was restored to before it, only the keys
    tell of it, and nobody knows any more which address it was.

    Raises:
        EmailTaken: somebody has it.
    """
    holder = (await unit.load(EMAIL, address)).account
    if holder:
        owner = await unit.load(ACCOUNT, holder)
        if isinstance(owner, ErasedAccount):
            await unit.decide(EMAIL, address, ReleaseEmail(account=holder, at=at))
    await unit.decide(EMAIL, address, ReserveEmail(account=account, at=at))
