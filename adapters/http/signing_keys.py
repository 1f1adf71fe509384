"""The keys that access tokens are verified with, and their rotation."""

import hashlib
from datetime import datetime

import msgspec

from adapters.crypto.jwt import JsonWebKey, json_web_key
from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.conditions import is_known
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.moments import Moment, fold, in_utc
from adapters.http.operations import ANYONE, operation
from application.tokens.signing_keys import RotateSigningKey
from domain.recorded import SYSTEM_TENANT
from domain.rejections import NotFound
from domain.signing_keys import INSTALLATION, SIGNING_KEYS, SigningKey

_CACHED = (b"cache-control", b"public, max-age=300")


class JsonWebKeySet(msgspec.Struct, frozen=True):
    """A JWK Set (RFC 7517, section 5)."""

    keys: list[JsonWebKey]


class RotationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `distrust_others`, no token that was signed before is believed any more."""

    distrust_others: bool = False


class SigningKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key that vouches, `until` another one had replaced it for long enough."""

    id: str
    made_at: datetime
    until: datetime | None


class SigningKeyList(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that vouch; the first one signs."""

    items: list[SigningKeyView]


class NoSigningKeys(NotFound):
    """No token was ever signed, so there is no key yet."""

    slug = "no-signing-keys"
    title = "There are no signing keys yet"


def _view(key: SigningKey) -> SigningKeyView:
    return SigningKeyView(id=key.id, made_at=key.made_at, until=key.until)


@operation("GET", "/.well-known/jwks.json", needs=ANYONE, answers={200: JsonWebKeySet, 304: None})
async def get_json_web_keys(call: Call) -> Answer:
    """Every key that vouches for tokens that may still count, the one that signs first."""
    keys = await call.platform.current.get(SIGNING_KEYS, INSTALLATION)
    vouching = reversed(keys.vouching(call.platform.now()))
    answer = json_answer(JsonWebKeySet([json_web_key(key) for key in vouching]))
    tag = b'"%s"' % hashlib.sha256(answer.body).hexdigest()[:32].encode()
    headers = ((b"etag", tag),)
    if is_known(call.headers.get(b"if-none-match"), tag):
        return Answer(304, headers=headers, caching=_CACHED)
    return Answer(200, answer.body, headers, caching=_CACHED)


@operation(
    "POST",
    "/v1/signing-keys/rotate",
    needs="signing-keys:write",
    body=RotationBody,
    fresh=True,
    answers={201: SigningKeyView},
)
async def rotate_signing_key(call: Call, body: RotationBody) -> Answer:
    """Sign with a new key; the one before vouches until its tokens have expired."""

    def render(key: SigningKey, _version: int) -> Answer:
        location = (b"location", b"/v1/signing-keys")
        return json_answer(_view(key), 201, (location,))

    return await execute(call, RotateSigningKey(distrust_others=body.distrust_others), render)


@operation(
    "GET",
    "/v1/signing-keys",
    needs="signing-keys:read",
    query=Moment,
    answers={200: SigningKeyList},
    consistent=True,
)
async def list_signing_keys(call: Call, moment: Moment) -> Answer:
    """The keys that vouch for tokens, now or at a moment."""
    keys, _ = await fold(call, SIGNING_KEYS, INSTALLATION, moment)
    at = in_utc(moment.at, "/at")
    vouching = keys.keys if moment.position else keys.vouching(at or call.platform.now())
    return json_answer(SigningKeyList(items=[_view(key) for key in reversed(vouching)]))


@operation(
    "GET",
    "/v1/signing-keys/history",
    needs="signing-keys:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def signing_key_history(call: Call, page: HistoryPage) -> Answer:
    """Every key that was made, and by whom; never the private one."""
    stream = SIGNING_KEYS.stream(INSTALLATION)
    return await stream_history(call, SYSTEM_TENANT, stream, page, NoSigningKeys())


OPERATIONS = (get_json_web_keys, rotate_signing_key, list_signing_keys, signing_key_history)
