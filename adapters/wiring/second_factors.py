"""How second factors are wired."""

import adapters.http.passkeys
import adapters.http.second_factors
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.second_factors_enrolment import (
    ConfirmAuthenticator,
    ConfirmAuthenticatorHandler,
    EnrolTotp,
    EnrolTotpHandler,
    Factors,
    RemoveAuthenticator,
    RemoveAuthenticatorHandler,
    RemoveEverything,
    RemoveEverythingHandler,
    ReplaceRecoveryCodes,
    ReplaceRecoveryCodesHandler,
)
from application.second_factors_passkeys import (
    AddPasskey,
    AddPasskeyHandler,
    DropPasskey,
    DropPasskeyHandler,
    OfferPasskey,
    OfferPasskeyHandler,
)
from application.second_factors_sign_in import (
    CompleteSignIn,
    CompleteSignInHandler,
    SignInWithPasskey,
    SignInWithPasskeyHandler,
)
from domain.second_factors.decider import SECOND_FACTORS


def _handlers(services: Services) -> Handlers:
    check, open_ = services.check_credentials, services.open_session
    factors = Factors(
        check=services.second_factor,
        letters=services.letters,
        now=services.now,
        new_id=services.new_id,
    )
    return {
        EnrolTotp: EnrolTotpHandler(factors),
        ConfirmAuthenticator: ConfirmAuthenticatorHandler(factors),
        RemoveAuthenticator: RemoveAuthenticatorHandler(factors),
        RemoveEverything: RemoveEverythingHandler(factors),
        ReplaceRecoveryCodes: ReplaceRecoveryCodesHandler(factors),
        OfferPasskey: OfferPasskeyHandler(factors),
        AddPasskey: AddPasskeyHandler(factors),
        DropPasskey: DropPasskeyHandler(factors),
        CompleteSignIn: CompleteSignInHandler(check, services.second_factor, open_),
        SignInWithPasskey: SignInWithPasskeyHandler(check, services.second_factor, open_),
    }


CAPABILITY = Capability(
    name="second_factors",
    deciders=(SECOND_FACTORS,),
    handlers=_handlers,
    operations=adapters.http.second_factors.OPERATIONS + adapters.http.passkeys.OPERATIONS,
)
