"""Which addresses count as public, and which are looked through."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.egress.addresses import carried, is_public

NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1",
    "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1",
    "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "168.63.129.16",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "11.0.0.1", "100.63.255.255", "100.128.0.1", "172.15.255.255",
    "172.32.0.1", "192.0.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255",
    "2001:4860:4860::8888", "2606:4700::1111", "2a00:1450:4001::1", "2003::1",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_ordinary_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_calls_special(
    address: IPv4Address | IPv6Address,
) -> None:
    special = address.is_private or address.is_loopback or address.is_multicast
    if special or address.is_link_local or address.is_reserved or address.is_unspecified:
        assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_is_found_in_every_form_that_carries_it(inner: IPv4Address) -> None:
    number = int(inner)
    forms = [
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x0064_FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x2001 << 112) | (number ^ 0xFFFF_FFFF)),
    ]
    assert [carried(form) for form in forms] == [inner] * len(forms)
    assert not any(is_public(form) for form in forms)


def test_an_ordinary_address_carries_nothing() -> None:
    assert carried(ip_address("2606:4700::1111")) is None
    assert carried(ip_address("::1")) is None
    assert carried(ip_address("8.8.8.8")) is None
