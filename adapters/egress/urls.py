"""Which URLs can be called at all: asked when an action is defined, and when it is carried out."""

import httpx

_HIGHEST_PORT = 65_535


class UnusableUrl(ValueError):  # noqa: N818 - a fact about the input
    """A URL that cannot be called; the text says why."""


def check_url(text: str) -> httpx.URL:
    """A URL as it will be called, for refusing others early.

    Raises:
        UnusableUrl: no http or https, without a host, or with a name and password in it.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise UnusableUrl("is not a URL") from error
    if url.scheme not in ("http", "https"):
        raise UnusableUrl("must begin with http:// or https://")
    if not url.host:
        raise UnusableUrl("has no host")
    if url.userinfo:
        raise UnusableUrl("must not contain a user name or password; send a header instead")
    if url.port is not None and not 0 < url.port <= _HIGHEST_PORT:
        raise UnusableUrl("has a port that does not exist")
    return url
