"""Choosing the tenant of a session: another session, of the same proof, takes its place."""

from dataclasses import dataclass

import msgspec

from application.bus import Run
from application.memberships import STRANGER, Standings
from application.session_store import LiveSession
from application.signing_in import Opening, SessionOpener, SignedIn
from application.unit import Done, Unit
from domain.accounts import Account
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Unauthenticated
from domain.sessions import SESSION, OpenSession
from domain.tenants import NotYourTenant


class ChooseTenant(msgspec.Struct, frozen=True, kw_only=True):
    """Go on in another tenant, from a client `address` with a `device`."""

    session: LiveSession
    tenant: str
    address: str
    device: str | None


@dataclass(frozen=True)
class ChooseTenantHandler:
    """Carries out `ChooseTenant`. What one may do changes, and so does the token."""

    open: SessionOpener
    standings: Standings

    async def __call__(self, command: ChooseTenant, run: Run) -> Done[SignedIn]:
        """Replace the session.

        Raises:
            NotYourTenant: the person is nobody in that tenant.
            Unauthenticated: the session has ended meanwhile.
        """
        session = command.session
        if await self.standings(session.account, command.tenant) is STRANGER:
            raise NotYourTenant

        async def look(unit: Unit) -> OpenSession:
            return await _still_open(unit, session.id)

        replaced = await run.look(look)
        opening = Opening(
            account=session.account,
            password_hash=None,
            methods=replaced.methods,
            address=command.address,
            device=command.device,
            tenant=command.tenant,
            replaces=session.id,
            expires_at=session.expires_at,
            authenticated_at=session.authenticated_at,
        )

        async def insist(unit: Unit, _account: Account) -> None:
            await _still_open(unit, session.id)

        return await self.open(run, opening, insist)


async def insist_on_belonging(standings: Standings, account: str, tenant: str) -> None:
    """Refuse to begin a session in a tenant of others; nobody is refused where everybody begins.

    Raises:
        NotYourTenant: the account is nobody there.
    """
    if tenant != DEFAULT_TENANT and await standings(account, tenant) is STRANGER:
        raise NotYourTenant


async def _still_open(unit: Unit, session: str) -> OpenSession:
    found = await unit.load(SESSION, session)
    if not isinstance(found, OpenSession):
        raise Unauthenticated
    return found
