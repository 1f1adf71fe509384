"""What it costs to check an access token, beside a session's own token and a no-op.

The request is `GET /v1/access/current`: whose credential this is. For an access token its signature
is checked (once per token and process) and its session found in Redis by its id, in one round trip;
for a session's token the session is found by the token's hash. One API process serves, the load
comes from a process of its own. An exchange signs a new token and appends its family to the log.
"""

from collections.abc import Sequence
from time import perf_counter

import msgspec

from adapters.crypto.jwt import JwtAccessTokens, new_key_pair
from application.tokens.access_tokens import AccessClaims
from benchmarks.commands import SECONDS, USERS, api
from benchmarks.http_load import Load, Result, post, send_apart
from benchmarks.http_server import BARE
from benchmarks.load import Figure, middle
from benchmarks.report import Row, Section
from domain.signing_keys import SigningKey
from features.driver import Annals
from tests.support.services import Services

CONNECTIONS = 16
GOAL = 4_000


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One after the other, in the same minute on the same server."""

    session: Result
    access_token: Result
    bare: Result
    exchange: Result


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The rounds, and microseconds for what is done once per token."""

    rounds: list[Round]
    sign: float
    verify: float


def get(path: str, token: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nhost: annals\r\nauthorization: Bearer {token}\r\n\r\n"
    return head.encode()


def prepared(driver: Annals) -> dict[str, list[bytes]]:
    """Sign people in, and give what is to be sent."""
    sessions = [driver.signed_in().token for _ in range(USERS)]
    exchanged = [driver.request("POST", "/v1/tokens", token=each).json() for each in sessions]
    path = "/v1/access/current"
    return {
        "session": [get(path, each) for each in sessions],
        "access_token": [get(path, each["access_token"]) for each in exchanged],
        "bare": [post(BARE, b"{}")],
        "exchange": [post("/v1/tokens", b"", each) for each in sessions],
    }


def measure(services: Services, *, rounds: int = 3, seconds: float = SECONDS) -> Measured:
    """Alternate the two checks, the no-op and the exchange."""
    with api(services) as (port, driver):
        requests = prepared(driver)

        def sent(name: str, seconds: float) -> Result:
            load = Load(
                host="127.0.0.1",
                port=port,
                requests=requests[name],
                connections=CONNECTIONS,
                seconds=seconds,
            )
            result = send_apart(load)
            assert set(result.statuses) <= {"200", "202"}, result.statuses
            return result

        for name in requests:
            sent(name, 0.5)
        found = [Round(**{name: sent(name, seconds) for name in requests}) for _ in range(rounds)]
    sign, verify = once_per_token()
    return Measured(rounds=found, sign=sign, verify=verify)


def once_per_token(count: int = 500) -> tuple[float, float]:
    """Microseconds to sign a token, and to check a signature that was not seen before."""
    pair, tokens = new_key_pair(), JwtAccessTokens()
    key = msgspec.convert(
        {**msgspec.to_builtins(pair), "made_at": "2026-01-01T00:00:00Z"}, SigningKey
    )
    started = perf_counter()
    texts = [tokens.sign(_claims(number), key) for number in range(count)]
    signed = perf_counter()
    for text in texts:
        assert tokens.key_of(text) == key.id
        assert tokens.read(text, key) is not None
    verified = perf_counter()
    return (signed - started) / count * 1e6, (verified - signed) / count * 1e6


def _claims(number: int) -> AccessClaims:
    url = "https://annals.example.org"
    return AccessClaims(
        iss=url,
        aud=url,
        client_id="annals",
        sub="0" * 36,
        sid="1" * 36,
        jti=f"{number:036}",
        iat=0,
        nbf=0,
        exp=300,
        auth_time=0,
        tenant="default",
        roles=("member",),
    )


def section(found: Measured) -> Section:
    session, token, bare, exchange = (
        middle(list(_each(found.rounds, name)))
        for name in ("session", "access_token", "bare", "exchange")
    )
    return Section(
        title="Access tokens",
        rows=[
            Row(
                what="checks of an access token",
                figure=_paced(token),
                beside=f"of a session {_paced(session)}",
                ratio=f"{token.per_second / session.per_second:.2f}x",
                goal=f"{GOAL:,}/s, p99 under 10 ms",
                met=token.per_second >= GOAL and token.p99 < 10,
            ),
            Row(
                what="checks of an access token",
                figure=_paced(token),
                beside=f"no-op {_paced(bare)}",
                ratio=f"{token.per_second / bare.per_second:.2f}x",
            ),
            Row(what="exchanges of a session for tokens", figure=_paced(exchange)),
            Row(
                what="signing a token",
                figure=f"{found.sign:.0f} us",
                beside=f"checking a signature for the first time {found.verify:.0f} us",
            ),
        ],
    )


def _each(rounds: Sequence[Round], name: str) -> Sequence[Figure]:
    return [getattr(each, name) for each in rounds]


def _paced(found: Figure) -> str:
    return f"{found.per_second:,.0f}/s, p50 {found.p50:.1f}, p99 {found.p99:.1f} ms"
