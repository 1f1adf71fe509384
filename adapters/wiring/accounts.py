"""How accounts are wired."""

import adapters.http.account_imports
import adapters.http.account_lockouts
import adapters.http.accounts
import adapters.http.me
import adapters.http.registration
import projections.memberships
from adapters.capability import Capability, Handlers
from adapters.crypto.common_passwords import common_passwords
from adapters.crypto.one_time_tokens import PrefixedTokens
from adapters.services import Services
from application.accounts.addresses import (
    AskForEmailChange,
    AskForEmailChangeHandler,
    ConfirmEmailChange,
    ConfirmEmailChangeHandler,
)
from application.accounts.closing import (
    Close,
    CloseHandler,
    CloseOwn,
    CloseOwnHandler,
    Reopen,
    ReopenHandler,
)
from application.accounts.importing import Import, ImportHandler
from application.accounts.mailing import TokenMail
from application.accounts.passwords import (
    AskForPasswordReset,
    AskForPasswordResetHandler,
    ChangeOwnPassword,
    ChangeOwnPasswordHandler,
    ResetForgottenPassword,
    ResetForgottenPasswordHandler,
)
from application.accounts.registering import (
    AskForVerification,
    AskForVerificationHandler,
    Register,
    RegisterHandler,
    Verify,
    VerifyHandler,
)
from application.accounts.unlocking import Unlock, UnlockHandler
from application.bus import OneStream
from application.memberships import GrantRole, GrantRoleHandler
from domain.accounts import ACCOUNT, EMAIL
from domain.memberships import MEMBERSHIP
from domain.password_costs import INSTALLATION, PASSWORD_COSTS, NotePasswordCosts


def _handlers(services: Services) -> Handlers:
    now, new_id = services.now, services.new_id
    hasher, sessions, check = services.hasher, services.sessions, services.check_credentials
    common = common_passwords()
    mail = TokenMail(
        PrefixedTokens(), services.letters, services.letter_limit, services.email_hash, now
    )
    close = CloseHandler(sessions, mail, now)
    required = services.settings.accounts_verify == "required"
    return {
        Register: RegisterHandler(hasher, common, mail, required, now, new_id),
        Verify: VerifyHandler(mail, now),
        AskForVerification: AskForVerificationHandler(mail),
        AskForPasswordReset: AskForPasswordResetHandler(mail),
        ResetForgottenPassword: ResetForgottenPasswordHandler(
            check, sessions, hasher, common, mail, now
        ),
        ChangeOwnPassword: ChangeOwnPasswordHandler(
            check, services.open_session, sessions, hasher, common, mail, now
        ),
        AskForEmailChange: AskForEmailChangeHandler(check, mail),
        ConfirmEmailChange: ConfirmEmailChangeHandler(mail, now),
        Close: close,
        CloseOwn: CloseOwnHandler(check, close),
        Reopen: ReopenHandler(now),
        Unlock: UnlockHandler(check.lockout, now),
        Import: ImportHandler(hasher, services.email_hash, now, new_id),
        NotePasswordCosts: OneStream(PASSWORD_COSTS, lambda _command: INSTALLATION),
        GrantRole: GrantRoleHandler(sessions, now),
    }


CAPABILITY = Capability(
    name="accounts",
    deciders=(ACCOUNT, EMAIL, MEMBERSHIP, PASSWORD_COSTS),
    handlers=_handlers,
    projections=(projections.memberships.PROJECTION,),
    operations=(
        *adapters.http.registration.OPERATIONS,
        *adapters.http.account_imports.OPERATIONS,
        *adapters.http.accounts.OPERATIONS,
        *adapters.http.account_lockouts.OPERATIONS,
        *adapters.http.me.OPERATIONS,
    ),
)
