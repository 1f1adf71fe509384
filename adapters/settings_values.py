"""The forms that a setting's text may have; each parser raises `ValueError` for anything else."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from domain.durations import parse_duration
from domain.recorded import DEFAULT_TENANT

_HIGHEST_PORT = 65_535
_SMTPS, _SUBMISSION = 465, 587  # RFC 8314
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}")

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_USUAL_PORTS = {"http": ("80",), "https": ("443",)}


class AllowedTarget(msgspec.Struct, frozen=True):
    """Addresses that outgoing calls may reach although they are private; None: on any port."""

    network: IPv4Network | IPv6Network
    port: int | None = None

    def allows(self, address: IPv4Address | IPv6Address, port: int) -> bool:
        """Whether a call to this address and port is meant."""
        return address in self.network and self.port in {None, port}


class LogRoot(msgspec.Struct, frozen=True):
    """A directory below which a tenant's admins may name files to read as logs."""

    directory: Path
    tenant: str = DEFAULT_TENANT


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """A mail server, and how it is spoken to: TLS from the start, begun by STARTTLS, or none."""

    host: str
    port: int
    tls: Literal["tls", "starttls", "none"]
    username: str | None
    password: str | None


def number(least: int, most: int) -> Callable[[str], int]:
    """A whole number in a range, both ends included."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(text)
        return int(text)

    return parse


def choice(*words: str) -> Callable[[str], str]:
    """One of some words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return parse


def url(*schemes: str) -> Callable[[str], str]:
    """A URL of one of these schemes; of several hosts, separated by commas, each has a port."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or "://" not in text:
            raise ValueError(text)
        for host in parts.netloc.rpartition("@")[2].split(","):
            _ = urlsplit(f"//{host}").port  # raises unless it is a port
        return text

    return parse


def base_url(text: str) -> str:
    """An http URL that paths are put behind, without a slash at its end."""
    parts = urlsplit(url("http", "https")(text))
    if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(text)
    return text.rstrip("/")


def smtp_url(text: str) -> str:
    """The URL of a mail server, as `mail_server` reads it."""
    mail_server(text)
    return text


def mail_server(text: str) -> MailServer:
    """The server that an `smtp://` or `smtps://` URL names; `?tls=none` goes without STARTTLS."""
    parts = urlsplit(url("smtp", "smtps")(text))
    query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    encrypted = parts.scheme == "smtps"
    if not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
        raise ValueError(text)
    if query not in ({}, {"tls": ["none"]}) or (encrypted and query):
        raise ValueError(text)
    return MailServer(
        host=parts.hostname,
        port=parts.port or (_SMTPS if encrypted else _SUBMISSION),
        tls="tls" if encrypted else "none" if query else "starttls",
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def path(text: str) -> Path:
    """A path; a leading `~` is the user's home."""
    if "\0" in text:
        raise ValueError(text)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(text) from error


def duration(text: str) -> timedelta:
    """A length of time that is not zero."""
    length = parse_duration(text)
    if not length:
        raise ValueError(text)
    return length


def size(text: str) -> int:
    """A number of bytes that is not zero, with or without KB, MB or GB (powers of 1024)."""
    written = re.fullmatch(r"([0-9]{1,12}) ?(|B|KB|MB|GB)", text.upper())
    if written is None or not int(written[1]):
        raise ValueError(text)
    return int(written[1]) << {"": 0, "B": 0, "KB": 10, "MB": 20, "GB": 30}[written[2]]


def overlapping(roots: Sequence[LogRoot], secret: Collection[Path], lines: Path) -> Iterator[str]:
    """Which roots would show what they must not.

    That is the files of another tenant, those that are nobody's (`secret`), and, to another tenant
    than the default one, the platform's own `lines`.
    """
    for index, root in enumerate(roots):
        for other in roots[:index]:
            if other.tenant != root.tenant and _meet(root.directory, other.directory):
                yield (
                    f"{root.directory} of {root.tenant} and {other.directory} of {other.tenant} "
                    "overlap"
                )
        for place in secret if root.tenant == DEFAULT_TENANT else (*secret, lines):
            if _meet(root.directory, place):
                yield f"{root.directory} and {place}, which is the platform's own, overlap"


def _meet(one: Path, other: Path) -> bool:
    """Whether one lies in the other, by name or in truth."""
    pairs = ((one, other), (one.resolve(), other.resolve()))
    return any(a.is_relative_to(b) or b.is_relative_to(a) for a, b in pairs)


def tenant_directories(text: str) -> tuple[LogRoot, ...]:
    """Absolute directories, separated by commas; one of another tenant's is `tenant=/directory`."""
    return tuple(_log_root(part.strip()) for part in text.split(","))


def _log_root(text: str) -> LogRoot:
    tenant, named, directory = text.rpartition("=")
    found = path(directory)
    if not found.is_absolute() or (named and not _TENANT.fullmatch(tenant)):
        raise ValueError(text)
    return LogRoot(found, tenant) if named else LogRoot(found)


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks in CIDR form, separated by commas."""
    return tuple(ip_network(part.strip()) for part in text.split(","))


def networks_or_none(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks as above; `none` is no network."""
    return () if text == "none" else networks(text)


def origins(text: str) -> tuple[str, ...]:
    """Origins, separated by commas, as browsers write them (no path, no usual port), or `*`."""
    return tuple(_origin(part.strip()) for part in text.split(","))


def _origin(text: str) -> str:
    written = _ORIGIN.fullmatch(text)
    if text != "*" and (written is None or written[2] in _USUAL_PORTS.get(written[1], ())):
        raise ValueError(text)
    return text


def targets(text: str) -> tuple[AllowedTarget, ...]:
    """Networks with optional ports, separated by commas; IPv6 with a port is `[::1/128]:9000`."""
    return tuple(_target(part.strip()) for part in text.split(","))


def _target(text: str) -> AllowedTarget:
    if text.startswith("["):
        network, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError(text)
        return AllowedTarget(ip_network(network), _port(port[1:]) if port else None)
    if text.count(":") == 1:
        network, _, port = text.partition(":")
        return AllowedTarget(ip_network(network), _port(port))
    return AllowedTarget(ip_network(text))


def _port(text: str) -> int:
    return number(1, _HIGHEST_PORT)(text)
