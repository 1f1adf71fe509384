"""The session's cookie: `__Host-annals_session` over https, `annals_session` over plain http.

The prefix binds the cookie to this host, the whole path and https (RFC 6265bis section 4.1.3.2),
which browsers refuse on plain http; that is only for loopback.
"""

from datetime import datetime

from adapters.http.answers import Header


def session_cookie(header: bytes | None, scheme: str) -> str | None:
    """The token in a `Cookie` header.

    Over https only the prefixed name counts: the other one can be set by whoever answers for plain
    http or for another host of the same site, who could so sign people in to their own account.
    """
    if header is None:
        return None
    own = _name(scheme)
    for part in header.decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == own and value:
            return value
    return None


def set_session_cookie(token: str, *, now: datetime, expires_at: datetime, scheme: str) -> Header:
    """The header that gives a browser the token, out of its scripts' reach."""
    age = max(0, int((expires_at - now).total_seconds()))
    return _cookie(token, age, scheme)


def drop_session_cookie(scheme: str) -> Header:
    """The header that makes a browser forget the token."""
    return _cookie("", 0, scheme)


def _cookie(value: str, age: int, scheme: str) -> Header:
    secure = "; Secure" if scheme == "https" else ""
    text = f"{_name(scheme)}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax{secure}"
    return b"set-cookie", text.encode("latin-1")


def _name(scheme: str) -> str:
    return "__Host-annals_session" if scheme == "https" else "annals_session"
