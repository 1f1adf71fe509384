"""Accounts that come from elsewhere, over HTTP."""

from typing import Annotated, Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.names import Typed
from adapters.http.operations import operation
from application.accounts.importing import Import, ImportedAccount, Outcome

MOST_IMPORTED = 1000


class ImportedBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account from elsewhere.

    Its password's hash is argon2 (PHC string) or bcrypt; without one the person chooses a password
    by mail. `verified` says that the address is known to be the person's.
    """

    email: Typed
    password_hash: Typed | None = None
    verified: bool = False


class ImportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The accounts."""

    accounts: Annotated[list[ImportedBody], msgspec.Meta(min_length=1, max_length=MOST_IMPORTED)]


class ImportedItem(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one: its id, unless its address was taken."""

    outcome: Literal["imported", "taken"]
    id: str | None


class ImportView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each, in the order in which they came."""

    items: list[ImportedItem]


@operation(
    "POST",
    "/v1/accounts/import",
    needs="accounts:write",
    body=ImportBody,
    answers={200: ImportView},
    fresh=True,
)
async def import_accounts(call: Call, body: ImportBody) -> Answer:
    """Open accounts that come from elsewhere, with the hashes of their passwords.

    Hashes are replaced when their owners next sign in. Addresses that are taken are passed over;
    when anything is malformed nothing is imported.
    """
    accounts = [
        ImportedAccount(email=each.email, password_hash=each.password_hash, verified=each.verified)
        for each in body.accounts
    ]

    def render(outcomes: list[Outcome], _version: int) -> Answer:
        items = [ImportedItem(outcome=each.outcome, id=each.id) for each in outcomes]
        return json_answer(ImportView(items=items))

    return await execute(call, Import(accounts=accounts), render)


OPERATIONS = (import_accounts,)
