"""The codes of authenticators, against RFC 6238."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.crypto.totp import STEP, Totp
from tests.support.shown_codes import shown_code

TOTP = Totp("Annals")
RFC_SEED = base64.b32encode(b"12345678901234567890").decode()
RFC_CODES = {  # appendix B, SHA-1; the last six of its eight digits
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}
AT = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def code_at(moment: datetime, seed: str = RFC_SEED) -> str:
    return shown_code(seed, moment.timestamp())


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES.items())
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert TOTP.step_of(RFC_SEED, code, at) == seconds // STEP


@pytest.mark.parametrize("behind", [-30, -1, 0, 1, 30])
def test_a_clock_may_be_30_seconds_off(behind: int) -> None:
    shown = AT - timedelta(seconds=behind)
    assert TOTP.step_of(RFC_SEED, code_at(shown), AT) == int(shown.timestamp()) // STEP


@pytest.mark.parametrize("behind", [-60, 60, 31 + STEP])
def test_a_clock_may_not_be_more_than_a_step_off(behind: int) -> None:
    assert TOTP.step_of(RFC_SEED, code_at(AT - timedelta(seconds=behind)), AT) is None


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        "abcdef",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "\x00" * 6,
        "0x1234",
    ],
)
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert TOTP.step_of(RFC_SEED, code, AT) is None


def test_a_code_may_be_typed_as_it_is_shown() -> None:
    code = code_at(AT)
    assert TOTP.step_of(RFC_SEED, f"{code[:3]} {code[3:]}", AT) is not None


def test_the_beginning_of_time_has_no_step_before_it() -> None:
    zero = datetime.fromtimestamp(0, UTC)
    assert TOTP.step_of(RFC_SEED, code_at(zero), zero) == 0


def test_seeds_are_new_and_long() -> None:
    seeds = {TOTP.new_seed() for _ in range(10)}
    assert len(seeds) == 10
    assert all(len(base64.b32decode(seed)) == 20 for seed in seeds)


def test_an_authenticator_can_read_the_uri() -> None:
    uri = urlsplit(TOTP.uri(RFC_SEED, "ada@example.org"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Annals:ada%40example.org")
    assert parse_qs(uri.query) == {
        "secret": [RFC_SEED],
        "issuer": ["Annals"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
