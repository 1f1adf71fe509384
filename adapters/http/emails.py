"""The address of an account, as the caller may see it: with `personal:read`, until it is erased.

No read model holds it: it is read from the account's own stream.
"""

from adapters.http.calls import Call
from domain.accounts import ACCOUNT, AnyAccount, known_account


def shown_email(call: Call, account: AnyAccount) -> str | None:
    """The address, where the account has one and the caller may see what is personal."""
    known = known_account(account)
    if "personal:read" not in call.principal.permissions or known is None:
        return None
    return known.email if isinstance(known.email, str) else None


async def email_of(call: Call, id_: str) -> str | None:
    """The address that an account has now, as `shown_email` tells it."""
    if "personal:read" not in call.principal.permissions:
        return None
    return shown_email(call, await call.platform.current.get(ACCOUNT, id_))
