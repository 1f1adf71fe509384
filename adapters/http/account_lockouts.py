"""The lock-outs of accounts over HTTP."""

from adapters.http.answers import Answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.names import known_id
from adapters.http.operations import operation
from application.accounts.unlocking import Unlock
from domain.accounts import NoSuchAccount


def _missing(_account: str) -> NoSuchAccount:
    return NoSuchAccount()


@operation(
    "DELETE",
    "/v1/accounts/{id}/lockout",
    needs="accounts:write",
    answers={204: None},
    conditional=True,
    fresh=True,
)
async def lift_lockout(call: Call) -> Answer:
    """Forget the failed sign-ins of an account: from everywhere, and from each place.

    Its person may try again at once, wherever they are, unless somebody there has failed at many
    accounts. Where nothing had failed, nothing happens.
    """
    return await execute(call, Unlock(account=known_id(call.params["id"], _missing)), no_content)


OPERATIONS = (lift_lockout,)
