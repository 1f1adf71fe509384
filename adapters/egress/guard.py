"""The guard that every outgoing call passes: where this platform may connect to.

A person decides where an action calls; without a guard that person could reach whatever the
platform can reach. So a name is resolved once, right before connecting, each of its addresses is
judged, and the connection goes to an address that was judged, so that no second answer of a name
server can slip in between. The platform's own servers are never reached, whatever is allowed.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, ip_address

import structlog

from adapters.egress.addresses import Address, carried, is_public
from adapters.settings_values import AllowedTarget

OWN_REFRESH = 30.0  # seconds that the addresses of the platform's own servers are remembered
_RESOLVERS = 16  # names looked up at once

log = structlog.get_logger(__name__)

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
IsLocal = Callable[[Address], bool]


class EgressRefused(Exception):  # noqa: N818 - a refusal, not a fault
    """This platform does not call there."""


class NameNotFound(Exception):  # noqa: N818 - a fact
    """No name server knows the host now."""


class EgressGuard:
    """Judges hosts and addresses. Safe to share; `aclose` lets go of its threads."""

    def __init__(
        self,
        allow: Sequence[AllowedTarget] = (),
        own: Sequence[tuple[str, int]] = (),
        *,
        resolve: Resolve | None = None,
        is_local: IsLocal | None = None,
    ) -> None:
        """`allow` lists private targets that are meant; `own` the (host, port) of our servers."""
        self._allow = tuple(allow)
        self._own = tuple((host.lower().strip("[]"), port) for host, port in own)
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")
        self._resolve = resolve or self._ask_the_system
        self._is_local = is_local or is_local_address
        self._own_addresses: dict[str, frozenset[Address]] = {}
        self._own_until = 0.0

    def aclose(self) -> None:
        """Let go of the resolver's threads; one that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def admit(self, host: str, port: int) -> list[Address]:
        """The addresses of a host that may be connected to, in the resolver's order.

        Raises:
            EgressRefused: when there is none.
            NameNotFound: when the host has no address at all, or one of our own servers has none,
                so that it cannot be told from others now.
        """
        if (host.lower().strip("[]").rstrip("."), port) in self._own:
            raise EgressRefused("this is one of the platform's own servers")
        found = await self._resolve(host, port)
        if not found:
            raise NameNotFound(host)
        await self._refresh_own()
        admitted = [address for address in found if self.may_connect(address, port)]
        if not admitted:
            raise EgressRefused(
                "it is not on the public internet, and EGRESS_ALLOW does not name it"
            )
        return admitted

    def may_connect(self, address: Address, port: int) -> bool:
        """Whether an address and port may be connected to, as far as own servers are known."""
        inner = carried(address)
        if self._is_own(address, port) or (inner is not None and self._is_own(inner, port)):
            return False
        if is_public(address):
            return True
        listed = any(each.allows(address, port) for each in self._allow)
        if inner is None:
            return listed
        return listed and (
            is_public(inner) or any(each.allows(inner, port) for each in self._allow)
        )

    def _is_own(self, address: Address, port: int) -> bool:
        """Whether a connection there reaches one of our servers.

        A server on this machine may listen on several of its addresses, so it is taken to be at
        all of them.
        """
        for host, own_port in self._own:
            if port != own_port:
                continue
            known = self._own_addresses.get(host, frozenset())
            if address in known:
                return True
            if any(self._is_local(each) for each in known) and self._is_local(address):
                return True
        return False

    async def _refresh_own(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._own_until:
            return
        for host in {host for host, _ in self._own}:
            try:
                addresses = frozenset(await self._resolve(host, 0))
            except NameNotFound:
                addresses = frozenset()
            if addresses:
                self._own_addresses[host] = addresses
            elif host not in self._own_addresses:
                log.warning("own_server_not_resolved", host=host)
                raise NameNotFound(host)
        self._own_until = now + OWN_REFRESH

    async def _ask_the_system(self, host: str, port: int) -> Sequence[Address]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _getaddrinfo, host, port)
        except (OSError, UnicodeError) as error:
            raise NameNotFound(host) from error
        return list(dict.fromkeys(ip_address(each) for each in found))


def _getaddrinfo(host: str, port: int) -> list[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in answers]


def is_local_address(address: Address) -> bool:
    """Whether an address is this machine's: loopback, unspecified, or bound to an interface."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return not address.is_multicast
