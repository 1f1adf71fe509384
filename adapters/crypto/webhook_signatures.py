"""Signatures of webhooks, verified as their providers describe them, over the exact bytes.

Every scheme is an HMAC; they differ in what is signed and where the signature stands. Each secret
and each signature that a message bears is compared, whatever the ones before it gave, and each
comparison takes the same time wherever two digests differ.

- Standard Webhooks 1.0.0: id, time and body, in base64 behind `v1,`; several apart by spaces.
- GitHub, "Validating webhook deliveries": the body, in hexadecimal digits behind `sha256=`.
- Stripe, "Verify webhook signatures manually": time and body, `t=..,v1=..`, several `v1` at once.
- Slack, "Verifying requests from Slack": `v0`, time and body, in hexadecimal digits behind `v0=`.
"""

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from adapters.crypto.standard_webhooks import PREFIX, key_of, signature
from application.webhooks.ports import Genuine, Headers
from domain.rejections import Fault
from domain.webhooks.refusals import Reason
from domain.webhooks.sources import Preset, Scheme, Source

SHORTEST_KEY = 8
"""Bytes; below that a secret is guessed from one message."""

_MOST_SIGNATURES = 20
_SECONDS = re.compile(rb"0|[1-9][0-9]{0,10}")
_MESSAGE_ID = re.compile(rb"[\x21-\x7e]{1,256}")


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says of itself: signatures, as they must be written, and when it was signed.

    `expect` makes the one signature that a key gives.
    """

    signatures: Sequence[bytes]
    expect: Callable[[bytes], bytes]
    at: bytes | None = None


class WebhookVerifier:
    """`SignatureVerifier` by HMAC."""

    def faults(self, preset: Preset, secrets: Sequence[str]) -> list[Fault]:
        """See `SignatureVerifier.faults`."""
        return [
            Fault(pointer=f"/secrets/{index}", code="secret", detail=fault)
            for index, secret in enumerate(secrets)
            if (fault := _fault(preset, secret))
        ]

    def __call__(
        self, source: Source, headers: Headers, body: bytes, now: datetime
    ) -> Genuine | Reason:
        """See `SignatureVerifier`."""
        claim = _READERS[source.preset](source.scheme or Scheme(), headers, body)
        if claim is None:
            return "signature"
        fitting = 0
        for number, secret in enumerate(source.secrets, start=1):
            expected = claim.expect(_key(source.preset, secret))
            for given in claim.signatures[:_MOST_SIGNATURES]:
                if hmac.compare_digest(expected, given):
                    fitting = fitting or number
        if not fitting:
            return "signature"
        if claim.at is None:
            return Genuine(secret=fitting, signed_at=None)
        signed_at = _time(claim.at)
        if signed_at is None or abs((now - signed_at).total_seconds()) > source.tolerance:
            return "timestamp"
        return Genuine(secret=fitting, signed_at=signed_at)


def _fault(preset: Preset, secret: str) -> str:
    try:
        key = _key(preset, secret)
    except ValueError:
        return f"must be base64 behind {PREFIX}"
    if len(key) < SHORTEST_KEY:
        return f"must have {SHORTEST_KEY} bytes or more"
    return ""


def _key(preset: Preset, secret: str) -> bytes:
    """The bytes that a secret's written form means to a provider."""
    if preset != "standard-webhooks":
        return secret.encode()
    return key_of(secret + "=" * (-len(secret.removeprefix(PREFIX)) % 4))


def _time(seconds: bytes) -> datetime | None:
    """A moment from whole seconds in plain digits; None for any other way of writing one."""
    return datetime.fromtimestamp(int(seconds), UTC) if _SECONDS.fullmatch(seconds) else None


def _standard(_scheme: Scheme, headers: Headers, body: bytes) -> _Claim | None:
    """Svix, where the standard comes from, calls the same headers by its own name."""
    kind = b"webhook" if b"webhook-id" in headers else b"svix"
    id_, at = headers.get(kind + b"-id"), headers.get(kind + b"-timestamp")
    given = headers.get(kind + b"-signature")
    if id_ is None or at is None or given is None or not _MESSAGE_ID.fullmatch(id_):
        return None
    if not _SECONDS.fullmatch(at):
        return None
    message, seconds = id_.decode(), int(at)
    return _Claim(
        signatures=[each for each in given.split(b" ") if each.startswith(b"v1,")],
        expect=lambda key: signature(key, message, seconds, body).encode(),
        at=at,
    )


def _github(_scheme: Scheme, headers: Headers, body: bytes) -> _Claim | None:
    given = headers.get(b"x-hub-signature-256")
    if given is None:
        return None
    return _Claim(signatures=[given], expect=lambda key: b"sha256=" + _hex(key, body))


def _stripe(_scheme: Scheme, headers: Headers, body: bytes) -> _Claim | None:
    pairs = [each.split(b"=", 1) for each in headers.get(b"stripe-signature", b"").split(b",")]
    times = [pair[1] for pair in pairs if len(pair) > 1 and pair[0].strip() == b"t"]
    if len(times) != 1:
        return None
    return _Claim(
        signatures=[pair[1] for pair in pairs if len(pair) > 1 and pair[0].strip() == b"v1"],
        expect=lambda key: _hex(key, times[0] + b"." + body),
        at=times[0],
    )


def _slack(_scheme: Scheme, headers: Headers, body: bytes) -> _Claim | None:
    at, given = headers.get(b"x-slack-request-timestamp"), headers.get(b"x-slack-signature")
    if at is None or given is None:
        return None
    return _Claim(
        signatures=[given],
        expect=lambda key: b"v0=" + _hex(key, b"v0:" + at + b":" + body),
        at=at,
    )


def _generic(scheme: Scheme, headers: Headers, body: bytes) -> _Claim | None:
    given = headers.get(scheme.signature_header.lower().encode())
    at = None
    signed = body
    if scheme.timestamp_header is not None:
        at = headers.get(scheme.timestamp_header.lower().encode())
        if at is None:
            return None
        signed = at + b"." + body
    if given is None:
        return None
    prefix = scheme.prefix.encode()

    def expect(key: bytes) -> bytes:
        digest = hmac.digest(key, signed, scheme.algorithm)
        encoded = base64.b64encode(digest) if scheme.encoding == "base64" else digest.hex().encode()
        return prefix + encoded

    return _Claim(signatures=[given], expect=expect, at=at)


def _hex(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256").hex().encode()


_READERS: dict[Preset, Callable[[Scheme, Headers, bytes], _Claim | None]] = {
    "standard-webhooks": _standard,
    "github": _github,
    "stripe": _stripe,
    "slack": _slack,
    "generic": _generic,
}
