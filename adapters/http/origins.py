"""Origins of URLs, as browsers write them (RFC 6454, section 6.2)."""

from urllib.parse import SplitResult

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: SplitResult) -> str:
    """Scheme, host and port, without a port that goes without saying.

    Raises:
        ValueError: the port is none.
    """
    host = url.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = "" if url.port in (None, _DEFAULT_PORTS.get(url.scheme)) else f":{url.port}"
    return f"{url.scheme}://{shown}{port}"
