"""Which access tokens are believed, and when."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.crypto.jwt import JwtAccessTokens, json_web_key, new_key_pair, thumbprint
from application.tokens.access_tokens import SKEW, AccessClaims, AccessTokenCheck
from domain.signing_keys import SigningKey, SigningKeys
from tests.support.forged_tokens import Forger, decoded

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ISSUER = "https://annals.example.org"
TOKENS = JwtAccessTokens()


def new_key() -> SigningKey:
    pair = new_key_pair()
    return SigningKey(
        id=pair.id, public_key=pair.public_key, private_key=pair.private_key, made_at=NOW
    )


KEY = new_key()
CLAIMS = AccessClaims(
    iss=ISSUER,
    aud=ISSUER,
    client_id="annals",
    sub=str(uuid4()),
    sid=str(uuid4()),
    jti=str(uuid4()),
    iat=int(NOW.timestamp()),
    nbf=int(NOW.timestamp()),
    exp=int(NOW.timestamp()) + 300,
    auth_time=int(NOW.timestamp()),
    tenant="default",
    roles=("member",),
)
FORGER = Forger(KEY, msgspec.to_builtins(CLAIMS))
FORGED = FORGER.table(NOW)
BELIEVED_UNTIL_ITS_SESSION_IS_ASKED = {"of a session that never was", "of another account"}


class Keys:
    """The keys as this process knows them."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = keys

    async def find(self, id_: str, at: datetime) -> SigningKey | None:
        return SigningKeys(self.keys).find(id_, at)


async def shown(token: str, at: datetime = NOW, *keys: SigningKey) -> AccessClaims | None:
    vouching: Any = Keys(*(keys or (KEY,)))
    return await AccessTokenCheck(vouching, TOKENS, ISSUER, lambda: at)(token)


async def test_a_genuine_token_is_believed() -> None:
    assert await shown(TOKENS.sign(CLAIMS, KEY)) == CLAIMS
    assert await shown(FORGER.token()) == CLAIMS


@pytest.mark.parametrize("what", sorted(FORGED.keys() - BELIEVED_UNTIL_ITS_SESSION_IS_ASKED))
async def test_a_forged_token_is_not(what: str) -> None:
    for _ in range(2):  # the second time, it is known
        assert await shown(FORGED[what]) is None


async def test_a_claim_that_nobody_knows_is_ignored_as_the_standard_wants() -> None:
    assert await shown(FORGER.token(azp="x")) == CLAIMS


async def test_any_bit_of_a_token_counts() -> None:
    token = TOKENS.sign(CLAIMS, KEY)
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "Q"
        assert await shown(token[:place] + other + token[place + 1 :]) is None


@pytest.mark.parametrize(
    ("late", "believed"), [(SKEW - 0.001, True), (SKEW, False), (-300 - SKEW, True)]
)
async def test_a_clock_may_be_30_s_ahead_or_behind_and_no_more(late: float, believed: bool) -> None:  # noqa: FBT001
    at = datetime.fromtimestamp(CLAIMS.exp + late, UTC)
    assert (await shown(TOKENS.sign(CLAIMS, KEY), at) is not None) == believed


async def test_a_token_from_more_than_30_s_ahead_is_not_believed() -> None:
    at = datetime.fromtimestamp(CLAIMS.nbf - SKEW, UTC)
    token = TOKENS.sign(CLAIMS, KEY)
    assert await shown(token, at) == CLAIMS
    assert await shown(token, at - timedelta(microseconds=1)) is None


async def test_a_key_vouches_for_its_own_tokens_alone_and_until_it_has_faded() -> None:
    old = msgspec.structs.replace(new_key(), until=NOW + timedelta(seconds=1))
    token = TOKENS.sign(CLAIMS, old)
    assert await shown(token, NOW, old, KEY) == CLAIMS
    assert await shown(token, NOW + timedelta(seconds=1), old, KEY) is None
    assert await shown(token, NOW, KEY) is None
    assert await shown(TOKENS.sign(CLAIMS, KEY), NOW, old, KEY) == CLAIMS


async def test_another_key_of_the_same_name_does_not_profit_from_what_is_known() -> None:
    token = TOKENS.sign(CLAIMS, KEY)
    assert await shown(token) == CLAIMS
    assert await shown(token, NOW, msgspec.structs.replace(new_key(), id=KEY.id)) is None


def test_the_published_key_verifies_a_token_without_our_code() -> None:
    """RFC 7515, appendix A.2's steps by hand; RFC 8037 says what `x` is."""
    header, payload, signature = TOKENS.sign(CLAIMS, KEY).split(".")
    published = json.loads(msgspec.json.encode(json_web_key(KEY)))
    assert published["kty"] == "OKP"
    assert published["crv"] == "Ed25519"
    assert json.loads(decoded(header)) == {
        "alg": published["alg"],
        "kid": published["kid"],
        "typ": "at+jwt",
    }
    public_key = Ed25519PublicKey.from_public_bytes(decoded(published["x"]))
    public_key.verify(decoded(signature), f"{header}.{payload}".encode())
    with pytest.raises(InvalidSignature):
        public_key.verify(decoded(signature), f"{header}.{payload}x".encode())
    assert json.loads(decoded(payload))["sub"] == CLAIMS.sub


def test_what_is_published_has_nothing_of_the_private_key() -> None:
    published = json.loads(msgspec.json.encode(json_web_key(KEY)))
    assert set(published) == {"kty", "crv", "use", "alg", "kid", "x"}
    assert KEY.private_key not in published.values()


def test_a_keys_name_is_its_thumbprint() -> None:
    """RFC 8037, appendix A.3."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert thumbprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
