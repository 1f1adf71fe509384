"""How sessions are wired."""

import adapters.http.session_endings
import adapters.http.session_lists
import adapters.http.session_tenants
import adapters.http.sessions
import adapters.http.step_up
import projections.sessions
from adapters.capability import Capability, Handlers
from adapters.services import Services
from adapters.sight_keeper import keep_sights
from application.memberships import Standings
from application.revocations import (
    RevokeAllSessions,
    RevokeAllSessionsHandler,
    RevokeSession,
    RevokeSessionHandler,
)
from application.session_tenants import ChooseTenant, ChooseTenantHandler
from application.sessions import SignIn, SignInHandler, SignOut, SignOutHandler
from application.step_up import StepUp, StepUpHandler
from domain.sessions import SESSION


def _handlers(services: Services) -> Handlers:
    return {
        SignIn: SignInHandler(
            check=services.check_credentials,
            second_factor=services.second_factor,
            open=services.open_session,
            standings=Standings(services.current),
        ),
        ChooseTenant: ChooseTenantHandler(services.open_session, Standings(services.current)),
        StepUp: StepUpHandler(
            check=services.check_credentials,
            second_factor=services.second_factor,
            open=services.open_session,
        ),
        SignOut: SignOutHandler(sessions=services.sessions, now=services.now),
        RevokeSession: RevokeSessionHandler(services.sessions, services.now),
        RevokeAllSessions: RevokeAllSessionsHandler(services.sessions, services.now),
    }


CAPABILITY = Capability(
    name="sessions",
    deciders=(SESSION,),
    handlers=_handlers,
    projections=(projections.sessions.PROJECTION,),
    operations=(
        *adapters.http.sessions.OPERATIONS,
        *adapters.http.session_lists.OPERATIONS,
        *adapters.http.session_tenants.OPERATIONS,
        *adapters.http.session_endings.OPERATIONS,
        *adapters.http.step_up.OPERATIONS,
    ),
    chores={"forget sights": keep_sights},
)
