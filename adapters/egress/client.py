"""An HTTP client that connects only to where the guard lets it.

The guard sits at the socket: whatever happens above it (a pooled connection, a header, a URL that
was spelled strangely), a connection is opened to an address that was judged a moment ago. The
name stays what TLS verifies and what `Host` says. Proxies of the environment are not used.
"""

from collections.abc import Iterable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx
from httpcore import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream
from typing_extensions import override

from adapters.egress.addresses import Address
from adapters.egress.guard import EgressGuard, NameNotFound

_KEEP_ALIVE = 15.0  # seconds; most servers close idle connections later
_SHARE = 3.0  # seconds for one of several addresses, so that a dead one does not use up all


class GuardedBackend(AsyncNetworkBackend):
    """Opens connections to admitted addresses only."""

    def __init__(self, guard: EgressGuard, inner: AsyncNetworkBackend | None = None) -> None:
        """`inner` is what really connects."""
        self._guard = guard
        self._inner = inner or AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first admitted address that answers.

        Raises:
            EgressRefused: when no address of the host may be connected to.
        """
        try:
            addresses = await self._guard.admit(host, port)
        except NameNotFound as error:
            raise httpcore.ConnectError("the name is not known") from error
        return await self._first(addresses, port, socket_options)

    async def _first(
        self,
        addresses: Sequence[Address],
        port: int,
        socket_options: Iterable[SOCKET_OPTION] | None,
    ) -> AsyncNetworkStream:
        share = _SHARE if len(addresses) > 1 else None
        last: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout=share, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Nothing outside is reached by a Unix socket."""
        raise httpcore.ConnectError("Unix sockets are not called")


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool of guarded connections."""

    def __init__(self, guard: EgressGuard, *, connections: int) -> None:
        """At most so many connections at once."""
        super().__init__(trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=connections,
            max_keepalive_connections=connections // 4,
            keepalive_expiry=_KEEP_ALIVE,
            network_backend=GuardedBackend(guard),
        )


def open_client(guard: EgressGuard, *, connections: int = 256) -> httpx.AsyncClient:
    """A client for outgoing calls: guarded, without redirects, proxies or .netrc.

    Timeouts are the caller's: one deadline around the whole call.
    """
    return httpx.AsyncClient(
        transport=GuardedTransport(guard, connections=connections),
        follow_redirects=False,
        trust_env=False,
        timeout=None,  # noqa: S113 - the callers have a deadline over everything
        headers={"user-agent": "Annals", "accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # none is ever kept
    )
