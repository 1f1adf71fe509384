"""Where a Redis is and how to log in, from a URL in the form that redis-py understands."""

import ssl
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from typing_extensions import override

_DEFAULT_PORT = 6379


class RedisAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A server: a Unix socket's `path`, or `host` and `port`, with TLS where `tls` is set."""

    host: str = "localhost"
    port: int = _DEFAULT_PORT
    path: str = ""
    tls: ssl.SSLContext | None = None
    username: str = ""
    password: str = ""
    database: int = 0

    @override
    def __str__(self) -> str:
        """Where it is, without the password."""
        return self.path or f"{self.host}:{self.port}"

    __repr__ = __str__


def parse_address(url: str) -> RedisAddress:
    """Read `redis://`, `rediss://` (TLS) or `unix://`, with `[user]:password@` and `/db` or `?db=`.

    TLS takes `ssl_ca_certs` (a file) and `ssl_cert_reqs=none` as query parameters.

    Raises:
        ValueError: when the URL is none of these.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("a Redis URL starts with redis://, rediss:// or unix://")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    local = parts.scheme == "unix"
    database = query.get("db") or ("" if local else parts.path.strip("/")) or "0"
    if not database.isdecimal():
        raise ValueError(f"the database in a Redis URL is a number, not {database[:20]!r}")
    return RedisAddress(
        host=unquote(parts.hostname or "localhost"),
        port=parts.port or _DEFAULT_PORT,
        path=unquote(parts.path) if local else "",
        tls=_tls(query) if parts.scheme == "rediss" else None,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=int(database),
    )


def _tls(query: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=query.get("ssl_ca_certs"))
    if query.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
