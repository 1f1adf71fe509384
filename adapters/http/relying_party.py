"""Whom passkeys are for (WebAuthn's relying party): the host at which people reach this.

That is `PUBLIC_URL`'s. Where it names this machine alone, it is the host that the request was sent
to, as long as that is this machine, too: anybody can write into `Host`, and a page of another name
that leads here must get no passkeys.
"""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from adapters.http.addresses import client_scheme
from adapters.http.calls import Call
from application.second_factors.ports import RelyingParty
from domain.rejections import Conflict

_DEFAULT_PORTS = {"http": 80, "https": 443}


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
        raise NoPasskeysHere("Set PUBLIC_URL to the URL at which people reach this.")
    return party


def _party(url: SplitResult) -> RelyingParty:
    host = url.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = "" if url.port in (None, _DEFAULT_PORTS.get(url.scheme)) else f":{url.port}"
    return RelyingParty(id=host, origin=f"{url.scheme}://{shown}{port}")


def _is_here(host: str) -> bool:
    """Whether a name leads to the machine that asks for it (RFC 6761, 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
