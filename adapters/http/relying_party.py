"""Whom passkeys are for (WebAuthn's relying party): the host at which people reach this.

That is `PUBLIC_URL`'s. Where it names this machine alone, it is the host that the request was sent
to, as long as that is this machine, too: anybody can write into `Host`, and a page of another name
that leads here must get no passkeys. An address is no name: browsers bind passkeys to none
(WebAuthn, section 5.1.3, effective domain).
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from adapters.http.addresses import client_scheme
from adapters.http.calls import Call
from adapters.http.origins import origin_of
from application.second_factors.ports import RelyingParty
from domain.rejections import Conflict


class NoPasskeysHere(Conflict):
    """Passkeys are bound to a host's name, and nobody can tell this one."""

    slug = "no-passkeys-here"
    title = "Passkeys cannot be used at this address"


def relying_party(call: Call) -> RelyingParty | None:
    """Whom this request's passkeys are for; None where nobody can tell."""
    public = urlsplit(call.platform.settings.public_url)
    if public.hostname and not _is_here(public.hostname):
        return _party(public)
    scheme = client_scheme(call.scope, call.platform.settings.trusted_proxies)
    try:
        own = urlsplit(f"{scheme}://{call.headers.get(b'host', b'').decode('ascii')}")
        return _party(own) if own.hostname and _is_here(own.hostname) else None
    except ValueError:
        return None


def known_party(call: Call) -> RelyingParty:
    """Whom this request's passkeys are for.

    Raises:
        NoPasskeysHere: nobody can tell.
    """
    party = relying_party(call)
    if party is None:
        raise NoPasskeysHere(
            "They are bound to a name: set PUBLIC_URL to the URL at which people reach this, or use"
            " http://localhost rather than an address."
        )
    return party


def _party(url: SplitResult) -> RelyingParty | None:
    host = url.hostname or ""
    return None if _address(host) else RelyingParty(id=host, origin=origin_of(url))


def _is_here(host: str) -> bool:
    """Whether a name leads to the machine that asks for it (RFC 6761, 6.3)."""
    address = _address(host)
    if address is not None:
        return address.is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
