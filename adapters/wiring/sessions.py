"""How sessions are wired."""

import adapters.http.sessions
import projections.sessions
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.sessions import SignIn, SignInHandler, SignOut, SignOutHandler
from domain.sessions import SESSION


def _handlers(services: Services) -> Handlers:
    return {
        SignIn: SignInHandler(
            check=services.check_credentials,
            second_factor=services.second_factor,
            open=services.open_session,
        ),
        SignOut: SignOutHandler(sessions=services.sessions, now=services.now),
    }


CAPABILITY = Capability(
    name="sessions",
    deciders=(SESSION,),
    handlers=_handlers,
    projections=(projections.sessions.PROJECTION,),
    operations=adapters.http.sessions.OPERATIONS,
)
