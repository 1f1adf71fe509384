"""The session's cookie: `__Host-annals_session` over https, `annals_session` over plain http.

The prefix binds the cookie to this host, the whole path and https (RFC 6265bis section 4.1.3.2),
which browsers refuse on plain http; that is only for loopback.
"""

from datetime import datetime

from adapters.http.answers import Header

_NAMES = ("__Host-annals_session", "annals_session")


def session_cookie(header: bytes | None) -> str | None:
    """The token in a `Cookie` header."""
    if header is None:
        return None
    found = {}
    for part in header.decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        found[name] = value
    return next((found[name] for name in _NAMES if found.get(name)), None)


def set_session_cookie(token: str, *, now: datetime, expires_at: datetime, scheme: str) -> Header:
    """The header that gives a browser the token, out of its scripts' reach."""
    age = max(0, int((expires_at - now).total_seconds()))
    return _cookie(token, age, scheme)


def drop_session_cookie(scheme: str) -> Header:
    """The header that makes a browser forget the token."""
    return _cookie("", 0, scheme)


def _cookie(value: str, age: int, scheme: str) -> Header:
    name, secure = (_NAMES[0], "; Secure") if scheme == "https" else (_NAMES[1], "")
    text = f"{name}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax{secure}"
    return b"set-cookie", text.encode("latin-1")
