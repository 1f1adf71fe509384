"""Accounts that come from elsewhere, many at a time, with the hashes of their passwords.

Each is an append of its own: that one address is taken keeps no other account out. What is
malformed is told before anything is recorded.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from application.accounts.reserving import reserve
from application.bus import Run
from application.emails import NameHash, email_fault, mailable_form
from application.memberships import begin_member
from application.passwords import PasswordHasher
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, EMAIL, EmailTaken, RegisterAccount
from domain.emails import canonical_email
from domain.memberships import MEMBER
from domain.password_costs import INSTALLATION, PASSWORD_COSTS, NotePasswordCosts
from domain.rejections import Fault, Invalid

_AT_ONCE = 64


class ImportedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it was elsewhere; without a hash its person chooses a password by mail."""

    email: str
    password_hash: str | None
    verified: bool


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """Open all of these accounts."""

    accounts: Sequence[ImportedAccount]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one: its id, unless its address was taken."""

    outcome: Literal["imported", "taken"]
    id: str | None


@dataclass(frozen=True)
class ImportHandler:
    """Carries out `Import`."""

    hasher: PasswordHasher
    email_hash: NameHash
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, command: Import, run: Run) -> Done[list[Outcome]]:
        """Open the accounts, and tell what became of each, in order.

        Raises:
            Invalid: a malformed address or a hash that cannot be checked; nothing is imported.
            TooManyPasswordCosts: the hashes have too many different costs; nothing is imported.
        """
        forms = self._forms(command.accounts)
        await self._note_costs(command.accounts, run)
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(form: str, account: ImportedAccount) -> Outcome:
            async with turn:
                return await self._import(form, account, run)

        outcomes = await asyncio.gather(*map(one, forms, command.accounts))

        async def decide(_unit: Unit) -> list[Outcome]:
            return outcomes

        return await run(decide)

    async def _note_costs(self, accounts: Sequence[ImportedAccount], run: Run) -> None:
        """Let every process know what costs are to come before the first such hash is there."""
        hashes = [each.password_hash for each in accounts if each.password_hash is not None]
        costs = tuple(dict.fromkeys(map(self.hasher.costs_of, hashes)))
        if not costs:
            return

        async def decide(unit: Unit) -> None:
            note = NotePasswordCosts(costs=costs, at=self.now())
            await unit.decide(PASSWORD_COSTS, INSTALLATION, note)

        await run.aside(decide, lanes=[(PASSWORD_COSTS, INSTALLATION)])

    async def _import(self, form: str, account: ImportedAccount, run: Run) -> Outcome:
        address, id_ = self.email_hash(form), str(self.new_id())

        async def decide(unit: Unit) -> None:
            at = self.now()
            await reserve(unit, address, id_, at)
            register = RegisterAccount(
                email=mailable_form(account.email),
                password_hash=account.password_hash,
                verified=account.verified,
                at=at,
            )
            unit.begin(ACCOUNT, id_, register)
            begin_member(unit, id_, MEMBER, at)

        try:
            await run.aside(decide, lanes=[(EMAIL, address)])
        except EmailTaken:
            return Outcome(outcome="taken", id=None)
        return Outcome(outcome="imported", id=id_)

    def _forms(self, accounts: Sequence[ImportedAccount]) -> list[str]:
        faults, forms = [], []
        for index, account in enumerate(accounts):
            form = canonical_email(account.email)
            if form is None:
                faults.append(email_fault(pointer=f"/accounts/{index}/email"))
            elif account.password_hash is not None and not self._accepts(account.password_hash):
                pointer = f"/accounts/{index}/password_hash"
                detail = "password_hash must be argon2 or bcrypt, with costs that are bearable"
                faults.append(Fault(pointer=pointer, code="password-hash", detail=detail))
            else:
                forms.append(form)
        if faults:
            raise Invalid(*faults)
        return forms

    def _accepts(self, password_hash: str) -> bool:
        return self.hasher.accepts(password_hash)
