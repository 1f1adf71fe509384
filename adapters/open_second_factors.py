"""What checks second factors, put together."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from adapters.crypto.challenges import SealedChallenges
from adapters.crypto.master import MasterKey
from adapters.crypto.passkeys import WebAuthnPasskeys
from adapters.crypto.recovery_codes import PaperCodes
from adapters.crypto.totp import Totp
from application.mail import Letters
from application.second_factors.challenges import ChallengeMaker
from application.second_factors.checking import SecondFactorCheck

_NAME = "Annals"  # what authenticators show


def opened_second_factor(
    master: MasterKey,
    letters: Letters,
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], UUID],
) -> SecondFactorCheck:
    """Second factors of this installation."""
    return SecondFactorCheck(
        totp=Totp(_NAME),
        codes=PaperCodes(),
        challenges=ChallengeMaker(SealedChallenges(master), now, new_id),
        passkeys=WebAuthnPasskeys(_NAME),
        letters=letters,
        now=now,
    )
