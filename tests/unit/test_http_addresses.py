"""Whose address a request counts for, behind proxies and in front of liars."""

from ipaddress import ip_network
from typing import Any

import pytest

from adapters.http.addresses import asks_from, client_address

PROXIES = (ip_network("10.0.0.0/8"),)
VIA = ("10.0.0.1", 4000)


def scope(headers: dict[str, str], client: tuple[str, int] | None = VIA) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return {"client": client, "headers": pairs}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "10.0.0.1"),
        ({"x_forwarded_for": "192.0.2.7"}, "192.0.2.7"),
        ({"x_forwarded_for": "203.0.113.9, 192.0.2.7, 10.0.0.2"}, "192.0.2.7"),
        ({"x_forwarded_for": "nobody, 10.0.0.2"}, "10.0.0.2"),
        ({"forwarded": 'for="[2001:db8::7]:80";proto=https, for=10.0.0.2'}, "2001:db8::7"),
        ({"forwarded": "for=192.0.2.7", "x_forwarded_for": "192.0.2.7"}, "192.0.2.7"),
    ],
)
def test_a_trusted_proxy_tells_the_client(headers: dict[str, str], expected: str) -> None:
    assert client_address(scope(headers), PROXIES) == expected


@pytest.mark.parametrize("liar", ["forwarded", "x_forwarded_for"])
def test_a_header_that_the_proxy_does_not_write_cannot_move_the_client(liar: str) -> None:
    headers = {"forwarded": "for=192.0.2.7", "x_forwarded_for": "192.0.2.7"}
    headers[liar] = headers[liar].replace("192.0.2.7", "203.0.113.9")
    assert client_address(scope(headers), PROXIES) == "10.0.0.1"


def test_nobody_is_believed_who_is_no_trusted_proxy() -> None:
    headers = {"forwarded": "for=192.0.2.7", "x_forwarded_for": "192.0.2.7"}
    assert client_address(scope(headers, ("198.51.100.1", 4000)), PROXIES) == "198.51.100.1"
    assert client_address(scope(headers), ()) == "10.0.0.1"
    assert client_address(scope(headers, None), PROXIES) == ""


LOCAL = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("192.0.2.0/24"))


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("127.0.0.1", {}),
        ("::ffff:127.0.0.1", {}),
        ("10.0.0.1", {}),
        ("10.0.0.1", {"x_forwarded_for": "192.0.2.7"}),
    ],
)
def test_who_is_for_certain_in_a_network_asks_from_it(peer: str, headers: dict[str, str]) -> None:
    assert asks_from(scope(headers, (peer, 4000)), LOCAL, PROXIES)


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("198.51.100.1", {}),
        ("10.0.0.1", {"x_forwarded_for": "198.51.100.1"}),
        ("10.0.0.1", {"x_forwarded_for": "127.0.0.1, 198.51.100.1"}),
        ("10.0.0.1", {"x_forwarded_for": "192.0.2.7", "forwarded": "for=198.51.100.1"}),
        ("10.0.0.1", {"x_forwarded_for": "unknown"}),
        ("10.0.0.1", {"forwarded": "for=unknown, for=10.0.0.2"}),
        ("10.0.0.1", {"forwarded": "proto=https"}),
        ("127.0.0.1", {"x_forwarded_for": "127.0.0.1"}),
        ("127.0.0.1", {"x_real_ip": "127.0.0.1"}),
        ("127.0.0.1", {"via": "1.1 proxy"}),
    ],
)
def test_who_may_be_behind_a_proxy_does_not(peer: str, headers: dict[str, str]) -> None:
    assert not asks_from(scope(headers, (peer, 4000)), LOCAL, PROXIES)


def test_who_has_no_address_asks_from_no_network() -> None:
    assert not asks_from(scope({}, None), LOCAL, PROXIES)
    assert not asks_from(scope({"via": "1.1 proxy"}, None), LOCAL, PROXIES)
