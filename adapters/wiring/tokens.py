"""How tokens are wired."""

import adapters.http.signing_keys
import adapters.http.tokens
from adapters.capability import Capability, Handlers
from adapters.crypto.jwt import new_key_pair
from adapters.services import Services
from application.tokens.exchanging import (
    ExchangeSession,
    ExchangeSessionHandler,
    SignInForTokens,
    SignInForTokensHandler,
)
from application.tokens.refreshing import (
    RevokeRefreshToken,
    RevokeRefreshTokenHandler,
    UseRefreshToken,
    UseRefreshTokenHandler,
)
from application.tokens.signing_keys import RotateSigningKey, RotateSigningKeyHandler
from domain.signing_keys import SIGNING_KEYS
from domain.tokens import TOKEN_FAMILY


def _handlers(services: Services) -> Handlers:
    make, sessions = services.tokens.make, services.sessions
    return {
        ExchangeSession: ExchangeSessionHandler(make),
        SignInForTokens: SignInForTokensHandler(
            make, services.check_credentials, services.second_factor, services.open_session
        ),
        UseRefreshToken: UseRefreshTokenHandler(make, sessions, services.letters),
        RevokeRefreshToken: RevokeRefreshTokenHandler(make.refresh, sessions, services.now),
        RotateSigningKey: RotateSigningKeyHandler(new_key_pair, services.now),
    }


CAPABILITY = Capability(
    name="tokens",
    deciders=(TOKEN_FAMILY, SIGNING_KEYS),
    handlers=_handlers,
    operations=(*adapters.http.tokens.OPERATIONS, *adapters.http.signing_keys.OPERATIONS),
)
