"""Who sends a request: a session, an access token or an API key, told by one credential.

A bearer credential goes before a cookie. A cookie is sent by browsers whether the person meant it
or not, so with one an unsafe method must come from our own pages: `Sec-Fetch-Site` says so, or,
from older browsers, `Origin`. Every way in which a credential does not open anything has the same
neutral answer.

An access token acts for its session, in the token's tenant, and only while that session counts.
It opens what the person may there now, whatever the token says, and is as fresh as its session; but
not what would outlast it (`Operation.lasting`).

`Annals-Tenant` names the tenant of a request. To name one in which one is nobody is answered in the
same way whether there is such a tenant or not.
"""

from functools import lru_cache
from urllib.parse import urlsplit
from uuid import UUID

from adapters.crypto.jwt import LONGEST_JWT, is_jwt
from adapters.crypto.tokens import hash_token, is_session_token, parse_api_key
from adapters.http.addresses import client_scheme
from adapters.http.calls import Call
from adapters.http.cookies import session_cookie
from adapters.http.origins import origin_of
from adapters.http.sdk_credentials import credential
from application.access import Principal
from application.last_seen import API_KEY_KIND
from application.memberships import STRANGER
from application.session_store import LiveSession
from application.tenants import Tenants, names_tenant
from domain.rejections import Forbidden, Unauthenticated
from domain.tenants import NotYourTenant

_LONGEST = LONGEST_JWT  # everything else is shorter
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({b"same-origin", b"none"})
"""What `Sec-Fetch-Site` says of our own pages, and of addresses that people typed."""


_FOREIGN = (
    "Its Origin is neither PUBLIC_URL's nor the scheme and host that it was sent to."
    " Behind a proxy, set PUBLIC_URL, and name the proxy in TRUSTED_PROXIES."
)


class CrossSite(Forbidden):
    """A page of another site has sent the request with the person's cookie."""

    slug = "cross-site"
    title = "This request comes from another site"


async def authenticate(call: Call) -> None:
    """Set the call's principal.

    Raises:
        Unauthenticated: when there is no credential, or one that opens nothing.
        CrossSite: when a cookie is the credential and the request is not from our own pages.
        NotYourTenant: when the caller is nobody in the tenant that the request names.
        Outage: when nobody can tell now.
    """
    token = presented(call)
    if token is None or len(token) > _LONGEST or not token.isascii():
        raise Unauthenticated
    if not _explicit(call) and call.scope["method"] not in _SAFE:
        refuse_cross_site(call)
    principal = await _principal(call, token)
    if principal is None:
        raise Unauthenticated
    call.principal = principal


def presented(call: Call) -> str | None:
    """The credential of a request, whatever it is worth; None where there is none."""
    if _explicit(call):
        given = credential(call.headers)
        return None if given is None else given.decode("latin-1")
    return session_cookie(call)


def _explicit(call: Call) -> bool:
    """Whether the credential is in a header that no browser sends by itself."""
    return b"authorization" in call.headers or b"x-api-key" in call.headers


async def _principal(call: Call, token: str) -> Principal | None:
    wanted = named_tenant(call)
    if is_session_token(token):
        session = await call.platform.sessions.find(hash_token(token))
        return None if session is None else await _person(call, session, wanted or session.tenant)
    if is_jwt(token):
        return await _bearer(call, token, wanted)
    id_, kept_hash = _key(token)
    if id_ is None:
        return None
    principal = await call.platform.keys(id_, kept_hash, wanted)
    if principal is not None:
        call.platform.services.last_seen.saw(API_KEY_KIND, str(id_))
    return principal


def named_tenant(call: Call) -> str | None:
    """The tenant that a request names, if it names one.

    Raises:
        NotYourTenant: when nothing can have this name.
    """
    given = call.headers.get(b"annals-tenant")
    if given is None:
        return None
    name = given.decode("latin-1")
    if not names_tenant(name):
        raise NotYourTenant
    return name


async def _bearer(call: Call, token: str, wanted: str | None) -> Principal | None:
    """Whom an access token acts for: its session has to count still."""
    claims = await call.platform.services.tokens.check(token)
    if claims is None:
        return None
    session = await call.platform.sessions.find_by_id(claims.sid)
    if session is None or session.account != claims.sub:
        return None
    if wanted not in (None, claims.tenant):
        raise NotYourTenant
    call.access_token = True
    return await _person(call, session, claims.tenant)


async def _person(call: Call, session: LiveSession, tenant: str) -> Principal:
    """A person in a tenant; in the session's own they may be whatever they are by now."""
    call.session = session
    standing = await call.platform.standings(session.account, tenant)
    if standing is STRANGER and tenant != session.tenant:
        raise NotYourTenant
    return Principal(
        actor=f"account/{session.account}",
        role=standing.role,
        tenant=tenant,
        permissions=standing.permissions,
        session=session.id,
        holder=f"account/{session.account}",
        suspended=await Tenants(call.platform.services.current).suspended(tenant),
    )


@lru_cache(1024)
def _key(token: str) -> tuple[UUID | None, str]:
    """An API key's id (None: it is none), and what is kept of it."""
    return parse_api_key(token), hash_token(token)


def refuse_cross_site(call: Call) -> None:
    """Make sure that a cookie was meant to be sent.

    Raises:
        CrossSite: when another site's page sent it, or nobody can tell.
    """
    if b"sec-fetch-site" not in call.headers and b"origin" not in call.headers:
        raise CrossSite("With a cookie, send Origin or Sec-Fetch-Site; or use a bearer token.")
    refuse_foreign_page(call)


def refuse_foreign_page(call: Call) -> None:
    """Refuse what a browser says comes from a page of another site.

    Raises:
        CrossSite: it does.
    """
    site, origin = call.headers.get(b"sec-fetch-site"), call.headers.get(b"origin")
    if site is not None:
        if site not in OURS:
            raise CrossSite("The browser says that a page of another site has sent it.")
    elif origin is not None and origin not in _own_origins(call):
        raise CrossSite(_FOREIGN)


def _own_origins(call: Call) -> set[bytes]:
    """The origins of our own pages: as the browser knows it, and as the operator does."""
    settings = call.platform.settings
    scheme = client_scheme(call.scope, settings.trusted_proxies)
    here = scheme.encode() + b"://" + call.headers.get(b"host", b"")
    public = settings.public_url
    return {here, origin_of(urlsplit(public)).encode()} if public else {here}
