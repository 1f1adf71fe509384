"""What a request is answered with: a status, the bytes, and what the headers add."""

from typing import Any

import msgspec

Header = tuple[bytes, bytes]
Headers = tuple[Header, ...]

JSON = b"application/json"
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")
_WITHOUT_BODY = frozenset({204, 304})  # No Content and Not Modified tell neither type nor length
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Answer:
    """One answer, whole and in memory."""

    __slots__ = ("body", "caching", "headers", "media_type", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: Headers = (),
        *,
        media_type: bytes = JSON,
        caching: Header = _NO_STORE,
    ) -> None:
        """`headers` come beside the ones that every answer has; `caching` is its Cache-Control."""
        self.status = status
        self.body = body
        self.headers = headers
        self.media_type = media_type
        self.caching = caching

    def with_headers(self, *headers: Header) -> "Answer":
        """The same answer with more headers."""
        return Answer(
            self.status,
            self.body,
            self.headers + headers,
            media_type=self.media_type,
            caching=self.caching,
        )

    async def send(self, send: Any, *headers: Header) -> None:
        """Send it, with the headers that concern the request rather than the answer."""
        start = [_NOSNIFF, self.caching, *headers, *self.headers]
        if self.status not in _WITHOUT_BODY:
            start.append((b"content-type", self.media_type))
            start.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": start})
        await send({"type": "http.response.body", "body": self.body})


def json_answer(value: object, status: int = 200, headers: Headers = ()) -> Answer:
    """An answer whose body is the JSON form of a value."""
    return Answer(status, _encode(value), headers)
