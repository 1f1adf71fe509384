"""How a person is erased: first it is decided, then the keys go, and that is a fact of its own.

What lies between the two is carried out until it is done, however often a process dies meanwhile.
"""

from msgspec.structs import replace

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
    """Erase the person, or record that keys are no more."""
    if isinstance(command, ConfirmErasure):
        return _confirm(account, command)
    match account:
        case NoAccount():
            raise NoSuchAccount
        case ErasedAccount() if account.keys:
            return []
        case _:
            return [
                AccountErased(
                    keys=command.keys,
                    tenants=command.tenants,
                    reason=command.reason,
                    letter=command.letter,
                ),
                AccountSessionsRevoked(reason="erased"),
            ]


def _confirm(account: AnyAccount, command: ConfirmErasure) -> list[AccountEvent]:
    if not isinstance(account, ErasedAccount):
        return []
    gone = tuple(key for key in account.pending if key in command.keys)
    return [AccountKeysDestroyed(keys=gone)] if gone else []


def erased(event: AccountErased) -> ErasedAccount:
    """The account of whom was just erased: all of the keys are still there."""
    letters = (event.letter,) if event.letter else ()
    return ErasedAccount(
        keys=event.keys,
        tenants=event.tenants,
        letter=event.letter,
        pending=(*event.keys, *letters),
    )


def destroyed(account: ErasedAccount, event: AccountKeysDestroyed) -> ErasedAccount:
    """The account without these keys."""
    return replace(account, pending=tuple(key for key in account.pending if key not in event.keys))


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
