"""That a session counts still when something is recorded that is asked in it.

A request is let in by its session, and may be carried out much later: its body can take its time.
Whoever ends sessions is not to find afterwards what was asked in them before. The log decides, as
Redis is told of an end only after it was recorded.
"""

from application.context import Premise
from application.unit import Unit
from domain.accounts import ACCOUNT, Account
from domain.rejections import Unauthenticated
from domain.sessions import SESSION, OpenSession


def while_session_counts(session: str, account: str) -> Premise:
    """The premise (`Context.premise`) that a session of an account has not ended.

    Neither by itself, nor with all of the account's.
    """

    async def premise(unit: Unit) -> None:
        begun, owner = await unit.watch(SESSION, session), await unit.watch(ACCOUNT, account)
        if not isinstance(begun, OpenSession) or not isinstance(owner, Account):
            raise Unauthenticated
        if begun.revocations is not None and not owner.counts(session, begun.revocations):
            raise Unauthenticated

    return premise
