"""Tokens for who is signed in, and for who signs in to get them."""

from dataclasses import dataclass

import msgspec

from application.bus import Run
from application.credentials import CredentialCheck, Credentials
from application.second_factors.checking import GivenFactor, SecondFactorCheck
from application.second_factors.signing_in import completing
from application.signing_in import PASSWORD, Give, Opening, SessionOpener, SignedIn
from application.tokens.making import Holder, TokenMaker, Tokens
from application.unit import Done, Unit
from domain.signing_keys import SigningKey
from domain.tenants import NotYourTenant


class ExchangeSession(msgspec.Struct, frozen=True, kw_only=True):
    """Give tokens for a session that counts."""

    holder: Holder


@dataclass(frozen=True)
class ExchangeSessionHandler:
    """Carries out `ExchangeSession`."""

    make: TokenMaker

    async def __call__(self, command: ExchangeSession, run: Run) -> Done[Tokens]:
        """Begin a family of the session."""
        key = await self.make.ring.signing(run)

        async def decide(unit: Unit) -> Tokens:
            return await self.make.begin(unit, command.holder, key, own=False)

        return await run(decide)


class SignInForTokens(msgspec.Struct, frozen=True, kw_only=True):
    """Sign in from a client `address` with a `device`, to work with tokens in `tenant`.

    `given` is the second factor, for an account that has one.
    """

    email: str
    password: str
    given: GivenFactor
    address: str
    device: str | None
    tenant: str


@dataclass(frozen=True)
class SignInForTokensHandler:
    """Carries out `SignInForTokens`: a session that nobody has the token of, and its family."""

    make: TokenMaker
    check: CredentialCheck
    second_factor: SecondFactorCheck
    open: SessionOpener

    async def __call__(self, command: SignInForTokens, run: Run) -> Done[Tokens]:
        """Check the credentials, start the session, and begin its family, in one append.

        Raises:
            LockedOut: too many sign-ins of this account or from this address have failed.
            SecondFactorRequired: the password was right, and is not enough.
            WrongSecondFactor: the second factor is wrong.
            NotYourTenant: they are all right, but the person is nobody in that tenant.
            WrongCredentials: in every other case, after the same time.
        """
        given = Credentials(email=command.email, password=command.password, address=command.address)
        checked = await self.check(given, run)
        opening = Opening(
            account=checked.id,
            password_hash=checked.account.password_hash,
            methods=(PASSWORD, *command.given.methods),
            address=command.address,
            device=command.device,
            tenant=command.tenant,
        )
        give = self._giving(command.tenant, await self.make.ring.signing(run))
        use = self.second_factor.using(checked.id, command.given, command.tenant)
        try:
            async with completing(self.check, checked, run):
                return await self.open.giving(give, run, opening, use)
        except NotYourTenant:  # who they are was proved all the same
            await self.check.passed(checked)
            raise

    def _giving(self, tenant: str, key: SigningKey) -> Give[Tokens]:
        """Begins the family of the session, if the person belongs to the tenant."""

        async def give(unit: Unit, signed_in: SignedIn) -> Tokens:
            if not await self.make.reaches(signed_in.account, tenant):
                raise NotYourTenant
            holder = Holder(
                session=signed_in.id,
                account=signed_in.account,
                tenant=tenant,
                authenticated_at=self.make.now(),
                expires_at=signed_in.expires_at,
            )
            return await self.make.begin(unit, holder, key, own=True)

        return give
