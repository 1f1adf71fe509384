"""Where a request comes from, told by proxies only as far as they are trusted.

Forwarding headers are read from the right, the nearest proxy first, for as long as each hop is in
`TRUSTED_PROXIES`; the first address that is not is the client (RFC 7239 section 8.1).

A proxy that writes one of the two headers passes the other on as the client sent it, and nobody
can tell which is which. So where both are there and disagree, the client is only as far known as
the connection tells.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Networks = Sequence[IPv4Network | IPv6Network]

_OF_PROXIES = (b"forwarded", b"via", b"x-forwarded-", b"x-real-ip")


def client_address(scope: Any, trusted: Networks) -> str:
    """The client's address, empty where there is none (a Unix socket)."""
    client = scope.get("client")
    peer: str = client[0] if client else ""
    if not trusted or not _is_in(peer, tuple(trusted)):
        return peer
    told = {_walk(peer, hops, tuple(trusted)) for hops in _chains(scope["headers"]) if hops}
    return told.pop() if len(told) == 1 else peer


def _walk(peer: str, hops: Sequence[str], trusted: tuple[IPv4Network | IPv6Network, ...]) -> str:
    for hop in reversed(hops):
        address = _parsed(hop)
        if address is None:
            return peer
        peer = str(address)
        if not _is_in(peer, trusted):
            return peer
    return peer


def asks_from(scope: Any, networks: Networks, trusted: Networks) -> bool:
    """Whether the client itself is for certain in one of these networks.

    Where a header tells of a proxy, that proxy has to be trusted, and has to tell of a client that
    is no proxy: an address that is only the nearest known is nobody's proof.
    """
    address = client_address(scope, trusted)
    if any(name.startswith(_OF_PROXIES) for name, _ in scope["headers"]):
        client = scope.get("client")
        believed = client is not None and _is_in(client[0], tuple(trusted))
        if not believed or _is_in(address, tuple(trusted)):
            return False
    return _is_in(address, tuple(networks))


def client_scheme(scope: Any, trusted: Networks) -> str:
    """`https` or `http`, as the client sees it."""
    client = scope.get("client")
    if client and trusted and _is_in(client[0], tuple(trusted)):
        for name, value in scope["headers"]:
            if name == b"x-forwarded-proto" and value in {b"http", b"https"}:
                return str(value, "ascii")
    return str(scope.get("scheme", "http"))


@lru_cache(4096)
def _is_in(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address, perhaps quoted, in brackets or with a port."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _chains(headers: Sequence[tuple[bytes, bytes]]) -> tuple[list[str], list[str]]:
    """The addresses in `Forwarded`, and those in `X-Forwarded-For`, the client's first."""
    forwarded: list[str] = []
    x_forwarded: list[str] = []
    for name, value in headers:
        if name == b"forwarded":
            for element in value.decode("latin-1").split(","):
                forwarded += [
                    pair.strip()[4:]
                    for pair in element.split(";")
                    if pair.strip().lower().startswith("for=")
                ]
        elif name == b"x-forwarded-for":
            x_forwarded += value.decode("latin-1").split(",")
    return forwarded, x_forwarded
