"""Signatures: the examples that the providers publish, their own libraries, and hostile input."""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import stripe
from hypothesis import given as for_all
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from adapters.crypto.webhook_signatures import WebhookVerifier
from application.webhooks.ports import Genuine
from domain.webhooks.sources import Dedup, Preset, Scheme, Source, ToLog

verify = WebhookVerifier()

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byt").decode()


def source(preset: Preset, *secrets: str, tolerance: float = 300.0, **change: Any) -> Source:
    made = Source(
        hook="h",
        subject="s",
        preset=preset,
        secrets=secrets,
        tolerance=tolerance,
        dedup=Dedup(),
        scheme=None,
        target=ToLog(),
        schema=None,
    )
    return msgspec.structs.replace(made, **change)


def raw(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode(): value.encode() for name, value in headers.items()}


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# Published: docs.github.com, "Validating webhook deliveries", "Testing the webhook payload".
GITHUB = (
    source("github", "It's a Secret to Everybody"),
    {
        "X-Hub-Signature-256": (
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        )
    },
    b"Hello, World!",
    AT,
    None,
)
# Published: docs.slack.dev, "Verifying requests from Slack".
SLACK = (
    source("slack", "8f742231b10e8888abcd99yyyzzz85a5"),
    {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": (
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        ),
    },
    (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    ),
    moment(1531420618),
    moment(1531420618),
)
# Published: the Standard Webhooks reference libraries' own vector.
STANDARD_WEBHOOKS = (
    source("standard-webhooks", STANDARD),
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    b'{"test": 2432232314}',
    moment(1614265330),
    moment(1614265330),
)
# Published: the event, secret and header that Stripe's client libraries are tested with.
STRIPE_EVENT = b"""{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "ii_123",
      "object": "invoiceitem",
      "amount": 1000,
      "currency": "usd",
      "customer": "cus_123",
      "date": 1533204620,
      "description": "Test Invoice Item",
      "discountable": false,
      "invoice": "in_123",
      "livemode": false,
      "metadata": {},
      "period": {
        "start": 1533204620,
        "end": 1533204620
      },
      "proration": false,
      "quantity": 3
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "invoiceitem.created"
}
"""
STRIPE = (
    source("stripe", "webhook_secret"),
    {
        "Stripe-Signature": (
            "t=1533204620,"
            "v1=82216eca827bcb7b34b8055eb2d2d9e6bc13b9ac39ded14a61e69f70c565f53a,"
            "v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef"
        )
    },
    STRIPE_EVENT,
    moment(1533204620),
    moment(1533204620),
)
PUBLISHED = {
    "github": GITHUB,
    "slack": SLACK,
    "standard-webhooks": STANDARD_WEBHOOKS,
    "stripe": STRIPE,
}
Vector = tuple[Source, dict[str, str], bytes, datetime, datetime | None]


@pytest.fixture(params=PUBLISHED)
def vector(request: pytest.FixtureRequest) -> Vector:
    return PUBLISHED[request.param]


def test_what_a_provider_publishes_is_genuine(vector: Vector) -> None:
    from_, headers, body, now, signed_at = vector
    assert verify(from_, raw(headers), body, now) == Genuine(secret=1, signed_at=signed_at)


def test_one_changed_byte_anywhere_in_the_body_is_not(vector: Vector) -> None:
    from_, headers, body, now, _ = vector
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert verify(from_, raw(headers), changed, now) == "signature"
    assert verify(from_, raw(headers), body + b"\n", now) == "signature"


def test_one_changed_character_anywhere_in_a_header_is_not(vector: Vector) -> None:
    from_, headers, body, now, signed_at = vector
    for name, value in headers.items():
        for at in range(len(value)):
            changed = value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]
            found = verify(from_, raw({**headers, name: changed}), body, now)
            if ",v0=" in value and at > value.index(",v0="):
                assert found == Genuine(secret=1, signed_at=signed_at)  # v0 counts for nothing
            else:
                assert found in ("signature", "timestamp")


def test_another_secret_is_not_and_a_second_one_is(vector: Vector) -> None:
    from_, headers, body, now, signed_at = vector
    other = OTHER if from_.preset == "standard-webhooks" else "some other secret"
    only_other = msgspec.structs.replace(from_, secrets=(other,))
    rotating = msgspec.structs.replace(from_, secrets=(other, *from_.secrets))
    assert verify(only_other, raw(headers), body, now) == "signature"
    assert verify(rotating, raw(headers), body, now) == Genuine(secret=2, signed_at=signed_at)


def test_a_missing_header_is_not(vector: Vector) -> None:
    from_, headers, body, now, _ = vector
    for name in headers:
        left = {other: value for other, value in headers.items() if other != name}
        assert verify(from_, raw(left), body, now) == "signature"
    assert verify(from_, {}, body, now) == "signature"


def test_too_long_ago_or_too_far_ahead_is_stale_and_the_bounds_are_not(vector: Vector) -> None:
    from_, headers, body, now, signed_at = vector
    genuine = Genuine(secret=1, signed_at=signed_at)
    for bound in (timedelta(seconds=300), timedelta(seconds=-300)):
        beyond = bound * 301 / 300
        assert verify(from_, raw(headers), body, now + bound) == genuine
        expected = genuine if signed_at is None else "timestamp"
        assert verify(from_, raw(headers), body, now + beyond) == expected


def test_a_secret_of_standard_webhooks_may_come_without_prefix_or_padding() -> None:
    unpadded = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLw"
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(AT.timestamp()))}
    signed = Webhook(unpadded).sign("msg_1", AT, "{}")
    for secret in (unpadded, "whsec_" + unpadded, unpadded + "=="):
        assert not verify.faults("standard-webhooks", [secret])
        found = verify(
            source("standard-webhooks", secret),
            raw({**headers, "webhook-signature": signed}),
            b"{}",
            AT,
        )
        assert isinstance(found, Genuine)


def test_several_signatures_in_one_header_need_one_that_fits() -> None:
    from_, headers, body, now, _ = STANDARD_WEBHOOKS
    good = headers["webhook-signature"]
    for given in (f"v1,AAAA {good}", f"{good} v1a,AAAA", f"v2,xyz v1,AAAA {good} v1,BBBB"):
        found = verify(from_, raw({**headers, "webhook-signature": given}), body, now)
        assert isinstance(found, Genuine)
    for given in ("v1,AAAA v1,BBBB", good.replace("v1,", "v1a,"), good[3:], f"v1, {good[3:]}", ""):
        assert verify(from_, raw({**headers, "webhook-signature": given}), body, now) == "signature"


def test_the_names_that_svix_gives_to_the_same_headers_do_too() -> None:
    from_, headers, body, now, _ = STANDARD_WEBHOOKS
    svix = {name.replace("webhook", "svix"): value for name, value in headers.items()}
    assert isinstance(verify(from_, raw(svix), body, now), Genuine)


def test_stripe_may_sign_with_two_secrets_at_once() -> None:
    from_, headers, body, now, _ = STRIPE
    good = headers["Stripe-Signature"]
    two = good.replace(",v1=", f",v1={'0' * 64},v1=")
    assert isinstance(verify(from_, raw({"Stripe-Signature": two}), body, now), Genuine)
    old = good.replace("v1=", "v0=")
    assert verify(from_, raw({"Stripe-Signature": old}), body, now) == "signature"
    twice = f"t=1,{good}"
    assert verify(from_, raw({"Stripe-Signature": twice}), body, now) == "signature"


@for_all(st.binary(max_size=300), st.text("abcdefgh-_0123456789", min_size=1, max_size=40))
def test_what_the_standards_own_library_signs_is_genuine(body: bytes, message: str) -> None:
    text = base64.b64encode(body).decode()  # the library signs text
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(int(AT.timestamp())),
        "webhook-signature": Webhook(STANDARD).sign(message, AT, text),
    }
    found = verify(source("standard-webhooks", OTHER, STANDARD), raw(headers), text.encode(), AT)
    assert found == Genuine(secret=2, signed_at=AT)


@for_all(st.text(max_size=300))
def test_what_stripes_own_library_signs_is_genuine(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass").decode("utf-8", "ignore")
    stamp = int(AT.timestamp())
    signed = stripe.WebhookSignature._compute_signature(f"{stamp}.{body}", "whsec_abc")
    headers = {"Stripe-Signature": f"t={stamp},v1={signed}"}
    found = verify(source("stripe", "whsec_abc"), raw(headers), body.encode(), AT)
    assert found == Genuine(secret=1, signed_at=AT)


STAMP = int(AT.timestamp())
ODD_TIMES = [
    f"+{STAMP}",
    f"0{STAMP}",
    f" {STAMP}",
    f"{STAMP} ",
    f"{STAMP}.0",
    f"{STAMP}e0",
    f"{STAMP:_}",
    f"{STAMP:x}",
    "".join(chr(0x0660 + int(digit)) for digit in str(STAMP)),
    f"-{STAMP}",
    "9" * 4000,
    "",
]


@pytest.mark.parametrize("time", ODD_TIMES)
@pytest.mark.parametrize("preset", ["slack", "stripe", "generic", "standard-webhooks"])
def test_a_time_is_written_in_plain_digits_or_not_at_all(preset: Preset, time: str) -> None:
    """Rightly signed, so that only the time can be what is refused."""
    key, body, stamp = b"long enough", b"{}", time.encode()
    match preset:
        case "slack":
            digest = hmac.digest(key, b"v0:" + stamp + b":" + body, "sha256").hex().encode()
            headers = {
                b"x-slack-request-timestamp": stamp,
                b"x-slack-signature": b"v0=" + digest,
            }
        case "stripe":
            digest = hmac.digest(key, stamp + b"." + body, "sha256").hex().encode()
            headers = {b"stripe-signature": b"t=" + stamp + b",v1=" + digest}
        case "generic":
            digest = hmac.digest(key, stamp + b"." + body, "sha256").hex().encode()
            headers = {b"x-time": stamp, b"x-signature": digest}
        case _:
            digest = base64.b64encode(hmac.digest(key, b"m." + stamp + b"." + body, "sha256"))
            headers = {
                b"webhook-id": b"m",
                b"webhook-timestamp": stamp,
                b"webhook-signature": b"v1," + digest,
            }
    secret = base64.b64encode(key).decode() if preset == "standard-webhooks" else key.decode()
    from_ = source(preset, secret, scheme=Scheme(timestamp_header="x-time"))
    assert verify(from_, headers, body, AT) in ("timestamp", "signature")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("timed", [True, False])
def test_a_generic_provider_says_itself_how_it_signs(
    algorithm: Any,
    encoding: Any,
    timed: bool,  # noqa: FBT001
) -> None:
    scheme = Scheme(
        signature_header="x-shop-signature",
        prefix="sig=",
        encoding=encoding,
        algorithm=algorithm,
        timestamp_header="x-shop-time" if timed else None,
    )
    body, stamp = b"\x00\xff", str(STAMP).encode()
    digest = hmac.digest(b"shop secret", stamp + b"." + body if timed else body, algorithm)
    written = base64.b64encode(digest) if encoding == "base64" else digest.hex().encode()
    headers = {b"x-shop-signature": b"sig=" + written}
    if timed:
        headers[b"x-shop-time"] = stamp
    from_ = source("generic", "shop secret", scheme=scheme)
    expected = Genuine(secret=1, signed_at=AT if timed else None)
    assert verify(from_, headers, body, AT) == expected
    assert verify(from_, {**headers, b"x-shop-signature": written}, body, AT) == "signature"


HEADERS = [
    b"webhook-id",
    b"webhook-timestamp",
    b"webhook-signature",
    b"x-hub-signature-256",
    b"stripe-signature",
    b"x-slack-request-timestamp",
    b"x-slack-signature",
    b"x-signature",
]


@for_all(
    st.sampled_from(["standard-webhooks", "github", "stripe", "slack", "generic"]),
    st.dictionaries(st.sampled_from(HEADERS), st.binary(max_size=100)),
    st.binary(max_size=100),
)
def test_whatever_comes_is_refused_and_never_fails(
    preset: Preset, headers: dict[bytes, bytes], body: bytes
) -> None:
    assert verify(source(preset, STANDARD), headers, body, AT) in ("signature", "timestamp")


@pytest.mark.parametrize(
    ("preset", "secret"),
    [
        ("standard-webhooks", "whsec_not base64!"),
        ("standard-webhooks", "whsec_" + base64.b64encode(b"short").decode()),
        ("standard-webhooks", "whsec_ünïcödé"),
        ("github", "short"),
    ],
)
def test_a_secret_that_can_be_none_is_pointed_at(preset: Preset, secret: str) -> None:
    [fault] = verify.faults(preset, [STANDARD, secret])
    assert fault.pointer == "/secrets/1"
