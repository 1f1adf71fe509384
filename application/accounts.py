"""Accounts: register a person."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.bus import Run
from application.passwords import PasswordHasher
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, EMAIL, RegisterAccount, ReserveEmail
from domain.memberships import MEMBER, MEMBERSHIP, GrantMembership
from domain.rejections import Fault, Invalid

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 256
LONGEST_EMAIL = 254
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f.]+(\.[^\s@\x00-\x1f\x7f.]+)*")


class NameHash(Protocol):
    """A keyed hash, so that a name can be looked up where it must not be readable."""

    def __call__(self, name: str) -> str:
        """64 hexadecimal digits that only this installation can compute."""
        ...


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """Open an account for this address."""

    email: str
    password: str


class Registered(msgspec.Struct, frozen=True):
    """The account that was opened."""

    id: str


@dataclass(frozen=True)
class RegisterHandler:
    """Carries out `Register`: the address, the account and its membership in one append."""

    hasher: PasswordHasher
    email_hash: NameHash
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, command: Register, run: Run) -> Done[Registered]:
        """Register the person.

        Raises:
            Invalid: a malformed address, or a password of the wrong length.
            EmailTaken: the address has an account.
        """
        check_credentials(command.email, command.password)
        address = self.email_hash(canonical_email(command.email))
        account = str(self.new_id())
        password_hash = await self.hasher.hash(command.password)

        async def decide(unit: Unit) -> Registered:
            at = self.now()
            await unit.decide(EMAIL, address, ReserveEmail(account=account, at=at))
            register = RegisterAccount(email=command.email, password_hash=password_hash, at=at)
            unit.begin(ACCOUNT, account, register)
            unit.begin(MEMBERSHIP, account, GrantMembership(role=MEMBER, at=at))
            return Registered(account)

        return await run(decide, lanes=[(EMAIL, address)])


def canonical_email(email: str) -> str:
    """The form in which addresses are compared: NFKC, without case or outer blanks."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def check_credentials(email: str, password: str) -> None:
    """Refuse what can be no address or no password.

    Raises:
        Invalid: with a pointer for each.
    """
    faults = []
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(canonical_email(email)):
        detail = "email must be an address such as ada@example.org"
        faults.append(Fault(pointer="/email", code="email", detail=detail))
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        detail = f"password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        faults.append(Fault(pointer="/password", code="length", detail=detail))
    if faults:
        raise Invalid(*faults)
