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
            hasher=services.hasher,
            lockout=services.lockout,
            sessions=services.sessions,
            email_hash=services.email_hash,
            new_token=services.new_token,
            lifetime=services.settings.session_ttl,
            now=services.now,
            new_id=services.new_id,
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
