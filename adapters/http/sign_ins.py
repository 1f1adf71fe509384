"""What every way of signing in has in common: whose page asks, and which session it replaces.

A page of another site could sign a person's browser in to the attacker's account, so that what the
person does there is the attacker's to read (login CSRF). Browsers say which page asks, and a page
of another site is refused. What says nothing is no browser: nobody else's page can make one
leave that out.
"""

from adapters.crypto.tokens import hash_token, is_session_token
from adapters.http.authentication import refuse_foreign_page
from adapters.http.calls import Call
from adapters.http.cookies import session_cookie


async def replaced_session(call: Call) -> str:
    """The session that this browser is in already, which a sign-in ends; else empty.

    Raises:
        CrossSite: a page of another site asks.
        Outage: nobody can tell now.
    """
    refuse_foreign_page(call)
    token = session_cookie(call)
    if token is None or not is_session_token(token):
        return ""
    session = await call.platform.sessions.find(hash_token(token))
    return "" if session is None else session.id
