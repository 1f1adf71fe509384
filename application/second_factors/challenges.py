"""Challenges: made for one purpose, good for five minutes, and perhaps for one account alone.

That a challenge is answered once, the account's own stream knows.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.second_factors.ports import Challenges, SealedChallenge
from domain.accounts import Account
from domain.recorded import DEFAULT_TENANT
from domain.second_factors.state import CHALLENGE_LIFETIME

SECOND_FACTOR = "second-factor"
"""To complete what a right password has begun."""

REGISTER = "register-passkey"
"""To make a passkey."""

SIGN_IN = "sign-in"
"""To sign in with any passkey."""


@dataclass(frozen=True)
class ChallengeMaker:
    """Makes challenges, and knows its own again."""

    sealing: Challenges
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    def new(
        self,
        purpose: str,
        *,
        account: str = "",
        password: str = "",
        tenant: str = DEFAULT_TENANT,
    ) -> str:
        """A new challenge, sealed; see `SealedChallenge` for whom."""
        challenge = SealedChallenge(
            id=str(self.new_id()),
            expires_at=self.now() + CHALLENGE_LIFETIME,
            account=account,
            password=password,
            tenant=tenant,
        )
        return self.sealing.seal(purpose, challenge)

    def opened(self, purpose: str, text: str) -> SealedChallenge | None:
        """A challenge of ours that can still be answered."""
        challenge = self.sealing.open(purpose, text)
        if challenge is None or challenge.expires_at <= self.now():
            return None
        return challenge


def password_digest(account: Account) -> str:
    """Tells a password's hash from the next one, without telling it."""
    return hashlib.sha256((account.password_hash or "").encode()).hexdigest()


def is_for(challenge: SealedChallenge, id_: str, account: Account) -> bool:
    """Whether a challenge was made for this account, while it had the password that it has."""
    return (challenge.account, challenge.password) == (id_, password_digest(account))
