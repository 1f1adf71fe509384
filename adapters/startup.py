"""Why the platform cannot start, in one line for the person who started it."""

from urllib.parse import urlsplit

REFUSAL = "annals: "
"""What a line begins with that tells why a program of ours does not start."""


class CannotStart(Exception):  # noqa: N818 - reads as the fact that it tells
    """Something outside the program must be put right first; the text says what, in one line."""


def place_of(url: str) -> str:
    """Where a URL leads, without its password."""
    parts = urlsplit(url)
    host = parts.hostname or "a local socket"
    if ":" in host:
        host = f"[{host}]"
    return f"{host}:{parts.port}" if parts.port else host
