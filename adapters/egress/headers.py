"""Which headers of an outgoing call are not the caller's to set."""

import re

_OURS = re.compile(
    r"(host|content-length|transfer-encoding|connection|upgrade|te|trailer|keep-alive"
    r"|expect|idempotency-key|proxy-.*|annals-.*)"
)


def is_ours(name: str) -> bool:
    """Whether a header is set by the connection or by the platform, and never taken from users."""
    return _OURS.fullmatch(name.lower()) is not None
