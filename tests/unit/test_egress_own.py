"""Which servers count as the platform's own."""

import pytest

from adapters.egress.open import own_servers, servers_of
from adapters.settings import Settings


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("postgresql://annals:secret@db.test:6432/annals", [("db.test", 6432)]),
        ("postgres://db.test/annals", [("db.test", 5432)]),
        ("postgresql://a:b%40c@one:5433,two/annals", [("one", 5433), ("two", 5432)]),
        ("postgresql://a@/annals?host=/run/annals", []),
        ("postgresql://a@/annals?host=127.0.0.1&port=7000", [("127.0.0.1", 7000)]),
        ("postgresql://a@[::1]:5433/annals", [("::1", 5433)]),
        ("redis://:secret@cache.test", [("cache.test", 6379)]),
        ("rediss://cache.test:7000/0", [("cache.test", 7000)]),
        ("unix:///run/valkey.sock", []),
        ("", []),
    ],
)
def test_a_url_names_its_servers(url: str, servers: list[tuple[str, int]]) -> None:
    assert servers_of(url) == servers


def test_the_api_and_both_stores_are_own() -> None:
    settings = Settings(
        host="0.0.0.0",
        port=8000,
        database_url="postgresql://db.test/annals",
        redis_url="redis://cache.test",
    )
    assert own_servers(settings) == [("0.0.0.0", 8000), ("db.test", 5432), ("cache.test", 6379)]
