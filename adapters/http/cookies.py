"""The session's cookie: `__Host-annals_session` over https, `annals_session` on this machine.

The prefix binds the cookie to this host, the whole path and https (RFC 6265bis section 4.1.3.2),
which browsers refuse on plain http. So there the plain name is given to who asks for a loopback
host. Elsewhere over plain http everybody on the way could read or plant it: there is none.
"""

from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from adapters.http.addresses import client_scheme
from adapters.http.answers import Headers
from adapters.http.calls import Call


def session_cookie(call: Call) -> str | None:
    """The token in a request's `Cookie` header.

    Over https only the prefixed name counts: the other one can be set by whoever answers for plain
    http or for another host of the same site, who could so sign people in to their own account.
    """
    header, own = call.headers.get(b"cookie"), _name(call)
    if header is None or own is None:
        return None
    for part in header.decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == own and value:
            return value
    return None


def set_session_cookie(call: Call, token: str, expires_at: datetime) -> Headers:
    """The header that gives a browser the token, out of its scripts' reach; none where none may."""
    return _cookie(call, token, max(0, int((expires_at - call.platform.now()).total_seconds())))


def drop_session_cookie(call: Call) -> Headers:
    """The header that makes a browser forget the token; none where it has none."""
    return _cookie(call, "", 0)


def _cookie(call: Call, value: str, age: int) -> Headers:
    name = _name(call)
    if name is None:
        return ()
    secure = "; Secure" if name.startswith("__Host-") else ""
    text = f"{name}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax{secure}"
    return ((b"set-cookie", text.encode("latin-1")),)


def _name(call: Call) -> str | None:
    if client_scheme(call.scope, call.platform.settings.trusted_proxies) == "https":
        return "__Host-annals_session"
    return "annals_session" if _is_loopback(call.headers.get(b"host", b"")) else None


def _is_loopback(host: bytes) -> bool:
    try:
        name = urlsplit(f"//{host.decode('latin-1')}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
