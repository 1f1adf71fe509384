"""Second factors where somebody proves who they are: asked for only behind a right password.

A factor is used in the same append as what it opens (a session, tokens), under a guard on the
account's factors: nobody comes in beside a factor that is being enrolled, and no code, passkey or
challenge opens two things.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from application.mail import Letters
from application.second_factors.challenges import (
    SECOND_FACTOR,
    ChallengeMaker,
    is_for,
    password_digest,
)
from application.second_factors.ports import (
    Passkeys,
    RecoveryCodes,
    RelyingParty,
    SealedChallenge,
    TotpCodes,
)
from application.second_factors.telling import tell
from application.signing_in import Also
from application.unit import Unit
from domain.accounts import ACCOUNT, Account
from domain.decider import Erased
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Unauthenticated
from domain.second_factors.commands import (
    SecondFactorsCommand,
    UsePasskey,
    UseRecoveryCode,
    UseTotp,
)
from domain.second_factors.decider import SECOND_FACTORS
from domain.second_factors.state import PASSKEY, SecondFactors, WrongSecondFactor

BY_CODE = ("otp", "mfa")
BY_PASSKEY = ("pop", "user", "mfa")
"""How somebody proved who they are, as `amr` values of RFC 8176, beside `pwd`."""


class GivenFactor(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody gives beside a password: one of these, or nothing.

    `passkey` is a browser's answer, as JSON. `party` is None where passkeys cannot be used.
    """

    code: str | None = None
    recovery_code: str | None = None
    passkey: Any = None
    party: RelyingParty | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """How this proves who somebody is."""
        if self.passkey is not None:
            return BY_PASSKEY
        return () if self.missing else BY_CODE

    @property
    def missing(self) -> bool:
        """Whether nothing is given."""
        return self.code is None and self.recovery_code is None and self.passkey is None


class SecondFactorRequired(Unauthenticated):
    """The password was right, and the account has a second factor.

    `challenge` goes with the factor to `POST /v1/sessions/second-factor`; `methods` are those that
    the account has, and `passkey` what a browser asks an authenticator with.
    """

    slug = "second-factor-required"
    title = "A second factor is needed"


@dataclass(frozen=True)
class SecondFactorCheck:
    """Uses a second factor within an append."""

    totp: TotpCodes
    codes: RecoveryCodes
    challenges: ChallengeMaker
    passkeys: Passkeys
    letters: Letters
    now: Callable[[], datetime]

    async def __call__(
        self,
        unit: Unit,
        account: str,
        given: GivenFactor,
        *,
        challenge: SealedChallenge | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        """Use what was given, where the account has a second factor; else nothing is needed.

        What wrong factors mean to the lock-out is the caller's business (`CredentialCheck.failed`).
        `challenge` is the one that a sign-in is completed with, and `tenant` where one works that
        has to be completed yet.

        Raises:
            SecondFactorRequired: the account has one, and nothing was given.
            WrongSecondFactor: it is wrong, used, expired, or not the account's.
        """
        factors = await unit.guard(SECOND_FACTORS, account)
        if not factors.required:
            if given.missing:
                return
            raise WrongSecondFactor  # or the session would say that it was proved
        owner = await unit.load(ACCOUNT, account)
        if not isinstance(owner, Account):
            raise WrongSecondFactor
        if given.missing:
            raise self._required(account, owner, factors, given.party, tenant)
        if given.passkey is None:
            command = self._code(factors, given, challenge)
        else:
            await self.passkeys.warm_up()
            command = self._passkey(account, owner, factors, given, challenge)
        if command is None:
            raise WrongSecondFactor
        after = await unit.decide(SECOND_FACTORS, account, command)
        if isinstance(command, UseRecoveryCode):
            used = f"A recovery code was used to sign in; {len(after.codes)} are left."
            tell(self.letters, unit, account, owner, used)

    def using(self, account: str, given: GivenFactor, tenant: str) -> Also:
        """The use of a factor as a part of what opens a session; raises as a call does."""

        async def use(unit: Unit, _account: Account) -> None:
            await self(unit, account, given, tenant=tenant)

        return use

    def step_of(self, seed: str | Erased, code: str) -> int | None:
        """The time step whose code of this seed this is; None: it is wrong."""
        known = isinstance(seed, str) and seed
        return self.totp.step_of(known, code, self.now()) if known else None

    def use_of_passkey(
        self,
        factors: SecondFactors,
        credential: Any,
        party: RelyingParty | None,
        challenge: SealedChallenge,
    ) -> UsePasskey | None:
        """The use of a passkey that has signed this challenge; None when it is wrong."""
        assertion = self.passkeys.read_assertion(credential)
        if assertion is None or party is None:
            return None
        id_ = factors.passkey_of(assertion.credential)
        if id_ is None:
            return None
        count = self.passkeys.verify_assertion(
            party, assertion.challenge, credential, factors.passkeys[id_]
        )
        if count is None:
            return None
        return UsePasskey(
            passkey=id_, sign_count=count, challenge=challenge.answered, at=self.now()
        )

    def _code(
        self, factors: SecondFactors, given: GivenFactor, challenge: SealedChallenge | None
    ) -> SecondFactorsCommand | None:
        """The use of a code, which may be none that counts; None when it is wrong."""
        answered, at = challenge.answered if challenge else None, self.now()
        if given.recovery_code is not None:
            hash_ = self.codes.hash(given.recovery_code)
            return UseRecoveryCode(code_hash=hash_, challenge=answered, at=at)
        step = None if given.code is None else self.step_of(factors.seed, given.code)
        return None if step is None else UseTotp(step=step, challenge=answered, at=at)

    def _passkey(
        self,
        account: str,
        owner: Account,
        factors: SecondFactors,
        given: GivenFactor,
        challenge: SealedChallenge | None,
    ) -> UsePasskey | None:
        """The use of a passkey that has signed a challenge of the account; None: it is wrong."""
        signed = self.challenges.opened(SECOND_FACTOR, self.passkeys.challenge_of(given.passkey))
        if signed is None or not is_for(signed, account, owner):
            return None
        if challenge is not None and challenge.id != signed.id:
            return None
        return self.use_of_passkey(factors, given.passkey, given.party, signed)

    def _required(
        self,
        account: str,
        owner: Account,
        factors: SecondFactors,
        party: RelyingParty | None,
        tenant: str,
    ) -> SecondFactorRequired:
        password = password_digest(owner)
        challenge = self.challenges.new(
            SECOND_FACTOR, account=account, password=password, tenant=tenant
        )
        methods = [each for each in factors.methods if each != PASSKEY or party is not None]
        facts: dict[str, object] = {"challenge": challenge, "methods": methods}
        if PASSKEY in methods and party is not None:
            known = list(factors.passkeys.values())
            facts["passkey"] = self.passkeys.request_options(party, challenge, known=known)
        return SecondFactorRequired(**facts)  # type: ignore[arg-type]  # none is called detail
