"""How a person is erased: first it is decided, then the keys go, and that is a fact of its own.

What lies between the two is carried out until it is done, however often a process dies meanwhile.
"""

from domain.accounts.commands import ConfirmErasure, EraseAccount
from domain.accounts.events import (
    AccountErased,
    AccountEvent,
    AccountKeysDestroyed,
    AccountRegistered,
    AccountSessionsRevoked,
)
from domain.accounts.state import Account, AnyAccount, ErasedAccount, NoAccount, NoSuchAccount
from domain.decider import Erased


def decide_erasure(
    account: AnyAccount, command: EraseAccount | ConfirmErasure
) -> list[AccountEvent]:
    """Erase the person, or record that the keys are no more."""
    if isinstance(command, ConfirmErasure):
        if not isinstance(account, ErasedAccount) or not account.pending:
            return []
        return [AccountKeysDestroyed(keys=account.keys)]
    match account:
        case NoAccount():
            raise NoSuchAccount
        case ErasedAccount() if account.keys:
            return []
        case _:
            return [
                AccountErased(keys=command.keys, tenants=command.tenants),
                AccountSessionsRevoked(reason="erased"),
            ]


def registered(event: AccountRegistered) -> Account | ErasedAccount:
    """Without the person's key the account is erased, though a restored log may not say so."""
    if isinstance(event.email, Erased):
        return ErasedAccount()
    return Account(
        email=event.email, password_hash=readable(event.password_hash), verified=event.verified
    )


def readable(text: str | Erased | None) -> str | None:
    """A text, unless it is erased or was never there."""
    return None if isinstance(text, Erased) else text
