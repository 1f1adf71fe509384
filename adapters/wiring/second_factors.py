"""How second factors are wired."""

import adapters.http.passkeys
import adapters.http.second_factors
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.memberships import Standings
from application.second_factors.authenticators import (
    ConfirmAuthenticator,
    ConfirmAuthenticatorHandler,
    EnrolAuthenticator,
    EnrolAuthenticatorHandler,
    RemoveAuthenticator,
    RemoveAuthenticatorHandler,
)
from application.second_factors.changing import FactorChanges
from application.second_factors.passkeys import (
    AddPasskey,
    AddPasskeyHandler,
    DropPasskey,
    DropPasskeyHandler,
    OfferPasskey,
    OfferPasskeyHandler,
)
from application.second_factors.recovery import (
    ReplaceRecoveryCodes,
    ReplaceRecoveryCodesHandler,
    ResetSecondFactors,
    ResetSecondFactorsHandler,
)
from application.second_factors.signing_in import (
    CompleteSignIn,
    CompleteSignInHandler,
    SignInWithPasskey,
    SignInWithPasskeyHandler,
)
from domain.second_factors.decider import SECOND_FACTORS


def _handlers(services: Services) -> Handlers:
    check, open_ = services.check_credentials, services.open_session
    changes = FactorChanges(
        check=services.second_factor,
        letters=services.letters,
        now=services.now,
        new_id=services.new_id,
    )
    return {
        EnrolAuthenticator: EnrolAuthenticatorHandler(changes),
        ConfirmAuthenticator: ConfirmAuthenticatorHandler(changes),
        RemoveAuthenticator: RemoveAuthenticatorHandler(changes),
        ResetSecondFactors: ResetSecondFactorsHandler(changes),
        ReplaceRecoveryCodes: ReplaceRecoveryCodesHandler(changes),
        OfferPasskey: OfferPasskeyHandler(changes),
        AddPasskey: AddPasskeyHandler(changes),
        DropPasskey: DropPasskeyHandler(changes),
        CompleteSignIn: CompleteSignInHandler(
            check, services.second_factor, open_, Standings(services.current)
        ),
        SignInWithPasskey: SignInWithPasskeyHandler(check, services.second_factor, open_),
    }


CAPABILITY = Capability(
    name="second_factors",
    deciders=(SECOND_FACTORS,),
    handlers=_handlers,
    operations=adapters.http.second_factors.OPERATIONS + adapters.http.passkeys.OPERATIONS,
)
