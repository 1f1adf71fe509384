"""What works with tokens, put together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.crypto.jwt import JwtAccessTokens, new_key_pair
from adapters.crypto.one_time_tokens import PrefixedTokens
from application.current import CurrentStates
from application.memberships import Standings
from application.tokens.access_tokens import AccessTokenCheck
from application.tokens.making import TokenMaker
from application.tokens.signing_keys import SigningKeyRing, VouchingKeys


@dataclass(frozen=True, kw_only=True)
class OpenTokens:
    """`check` believes access tokens or not, `make` makes them."""

    check: AccessTokenCheck
    make: TokenMaker


def opened_tokens(
    current: CurrentStates,
    issuer: str,
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], UUID],
) -> OpenTokens:
    """Tokens that `issuer`, a URL, vouches for."""
    access = JwtAccessTokens()
    return OpenTokens(
        check=AccessTokenCheck(VouchingKeys(current), access, issuer, now),
        make=TokenMaker(
            ring=SigningKeyRing(current, new_key_pair, now),
            access=access,
            refresh=PrefixedTokens(),
            standings=Standings(current),
            issuer=issuer,
            now=now,
            new_id=new_id,
        ),
    )
