"""What texts stand for: numbers, moments, versions, addresses, networks and patterns.

Constraints compare a context's text with values; both are read here, and in the same way as
Unleash's engine reads them where readers differ.
"""

import ipaddress
import re
from datetime import date

import re2
import semver

PATTERN_MEMORY = 1 << 18
"""Bytes that a pattern's program and its automaton may take."""

LONGEST_PATTERN = 1_000
MOST_STEPS = 4_000_000
"""Characters times instructions of a pattern that are looked at: some 30 ms at the worst."""

_NANOSECONDS = 1_000_000_000
_LARGEST_PART = 1 << 64
_MOMENT = re.compile(
    r"\s*(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|\s)\s*(\d\d?):(\d\d?):(\d\d?)(?:\.(\d+))?"
    r"\s*(?:(Z|z|UTC)|([+-])(\d\d):?(\d\d))\s*",
    re.ASCII,
)

_RELEASE = re.compile(r"(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})", re.ASCII)
"""A version without more, read without the library: in a tenth of its time."""

Version = tuple[int, int, int, tuple[int, tuple[tuple[int, int, str], ...]]]
"""A semantic version's place in the order: major, minor, patch, and its pre-release's parts."""

_RELEASED = (1, ())
"""Behind all pre-releases."""

Address = tuple[int, int]
"""An address: its IP version and its bits."""

Network = tuple[int, int, int]
"""A network: its IP version, how many bits of an address are left out, and the others."""


def number(text: str) -> float:
    """A number as a double.

    Raises:
        ValueError: it is none.
    """
    if not text.isascii() or "_" in text or text != text.strip():
        raise ValueError(text)
    return float(text)


def moment(text: str) -> int:
    """A date with a time and an offset (RFC 3339, read generously) in nanoseconds since 0001.

    Raises:
        ValueError: it is none.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004 - a clock's
        raise ValueError(text)
    seconds = date(year, month, day).toordinal() * 86400 + hour * 3600 + minute * 60 + second
    fraction = int((found[7] or "0")[:9].ljust(9, "0"))
    return (seconds - _offset(found)) * _NANOSECONDS + fraction


def _offset(found: re.Match[str]) -> int:
    if found[8] is not None:
        return 0
    hours, minutes = int(found[10]), int(found[11])
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - a clock's
        raise ValueError(found[0])
    seconds = hours * 3600 + minutes * 60
    return seconds if found[9] == "+" else -seconds


def version(text: str) -> Version:
    """A semantic version's place in the order of semver.org, where builds are all one.

    Raises:
        ValueError: it is none.
    """
    release = _RELEASE.fullmatch(text)
    if release is not None:
        return int(release[1]), int(release[2]), int(release[3]), _RELEASED
    if not text.isascii() or text != text.strip():
        raise ValueError(text)
    found = semver.Version.parse(text)
    if max(found.major, found.minor, found.patch) >= _LARGEST_PART:
        raise ValueError(text)
    if found.prerelease is None:
        return found.major, found.minor, found.patch, _RELEASED
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in found.prerelease.split(".")
    )
    return found.major, found.minor, found.patch, (0, parts)


def address(text: str) -> Address:
    """An IP address, without a zone.

    Raises:
        ValueError: it is none.
    """
    if "%" in text:
        raise ValueError(text)
    found = ipaddress.ip_address(text)
    return found.version, int(found)


def network(text: str) -> Network:
    """An address, or a network by prefix length or netmask; bits beyond the mask do not matter.

    Raises:
        ValueError: it is none.
    """
    if "%" in text:
        raise ValueError(text)
    found = ipaddress.ip_network(text, strict=False)
    mask = text.partition("/")[2]
    if "." in mask and mask != str(found.netmask):
        raise ValueError(text)
    left_out = found.max_prefixlen - found.prefixlen
    return found.version, left_out, int(found.network_address) >> left_out


def pattern(text: str, *, case_insensitive: bool) -> "re2._Regexp[str]":
    """A pattern in RE2's syntax, which takes linear time, within bounds of length and memory.

    Raises:
        ValueError: it is none.
    """
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"has more than {LONGEST_PATTERN} characters")
    options = re2.Options()
    options.max_mem = PATTERN_MEMORY
    options.log_errors = False
    options.case_sensitive = not case_insensitive
    try:
        return re2.compile(text, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(_why(error)) from None


def _why(error: Exception) -> str:
    why = error.args[0] if error.args else ""
    return why.decode(errors="replace") if isinstance(why, bytes) else str(error)
