"""The guard's verdicts, over name servers that answer what the test says."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from adapters.egress.addresses import Address
from adapters.egress.guard import EgressGuard, EgressRefused, NameNotFound, is_local_address
from adapters.settings_values import targets

PUBLIC = "93.184.215.14"


class Names:
    """A name server: an address stands for itself, a name for the answers in turn."""

    def __init__(self, **names: list[list[str]]) -> None:
        self._names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[Address]:
        self.asked.append(host)
        answers = self._names.get(host)
        if answers is None:
            try:
                return [ip_address(host)]
            except ValueError:
                raise NameNotFound(host) from None
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(each) for each in answer]


def guard(
    names: Names | None = None, allow: str = "", own: Sequence[tuple[str, int]] = ()
) -> EgressGuard:
    return EgressGuard(
        targets(allow) if allow else (),
        own,
        resolve=names or Names(),
        is_local=lambda address: address.is_loopback or address.is_unspecified,
    )


async def test_a_public_address_is_admitted() -> None:
    assert await guard().admit(PUBLIC, 443) == [ip_address(PUBLIC)]


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "0.0.0.0"])
async def test_a_private_address_is_refused(host: str) -> None:
    with pytest.raises(EgressRefused):
        await guard().admit(host, 80)


async def test_a_name_is_judged_by_what_it_stands_for() -> None:
    with pytest.raises(EgressRefused):
        await guard(Names(evil_test=[["127.0.0.1"]])).admit("evil.test", 80)


async def test_only_admitted_addresses_of_a_name_are_given() -> None:
    names = Names(mixed_test=[["10.0.0.1", PUBLIC, "::1"]])
    assert await guard(names).admit("mixed.test", 80) == [ip_address(PUBLIC)]


async def test_a_name_is_resolved_once_so_that_a_second_answer_changes_nothing() -> None:
    names = Names(rebinding_test=[[PUBLIC], ["127.0.0.1"]])
    assert await guard(names).admit("rebinding.test", 80) == [ip_address(PUBLIC)]
    assert names.asked == ["rebinding.test"]


async def test_an_unknown_name_is_told_apart_from_a_refused_one() -> None:
    with pytest.raises(NameNotFound):
        await guard().admit("nowhere.test", 80)


async def test_a_listed_network_is_admitted() -> None:
    allowing = guard(allow="127.0.0.0/8, 10.1.0.0/16:8080")
    assert await allowing.admit("127.0.0.1", 9999)
    assert await allowing.admit("10.1.2.3", 8080)


async def test_a_port_is_part_of_what_is_listed() -> None:
    with pytest.raises(EgressRefused):
        await guard(allow="10.1.0.0/16:8080").admit("10.1.2.3", 8081)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0", "::1", "::ffff:127.0.0.1"]
)
async def test_an_own_server_is_refused_under_each_of_its_addresses(host: str) -> None:
    own = [("127.0.0.1", 5432)]
    names = Names(localhost=[["::1", "127.0.0.1"]])
    everything = "0.0.0.0/0, ::/0"
    with pytest.raises(EgressRefused):
        await guard(names, allow=everything, own=own).admit(host, 5432)
    assert await guard(names, allow=everything, own=own).admit(host, 5433)


async def test_an_own_server_on_all_interfaces_is_refused_on_loopback() -> None:
    with pytest.raises(EgressRefused):
        await guard(allow="127.0.0.0/8", own=[("0.0.0.0", 8000)]).admit("127.0.0.1", 8000)


async def test_an_own_server_elsewhere_is_refused_by_name_and_by_address() -> None:
    names = Names(postgres=[["10.5.0.7"]], alias_test=[["10.5.0.7"]])
    own = [("postgres", 5432)]
    for host in ("postgres", "POSTGRES.", "alias.test", "10.5.0.7", "::ffff:10.5.0.7"):
        with pytest.raises(EgressRefused):
            await guard(names, allow="10.0.0.0/8, ::ffff:0:0/96", own=own).admit(host, 5432)
    assert await guard(names, allow="10.0.0.0/8", own=own).admit("10.5.0.8", 5432)


async def test_nothing_is_called_while_an_own_server_cannot_be_told_apart() -> None:
    with pytest.raises(NameNotFound):  # worth another attempt, unlike a refusal
        await guard(own=[("unknown.test", 5432)]).admit(PUBLIC, 80)


@pytest.mark.parametrize("host", ["64:ff9b::7f00:1", "::ffff:127.0.0.1", "2002:7f00:1::"])
async def test_what_is_carried_inside_must_be_allowed_too(host: str) -> None:
    outer = "64:ff9b::/96, ::ffff:0:0/96, 2002::/16"
    with pytest.raises(EgressRefused):
        await guard(allow=outer).admit(host, 80)
    assert await guard(allow=f"{outer}, 127.0.0.0/8").admit(host, 80)


async def test_a_translated_public_address_is_admitted_where_translation_is_listed() -> None:
    with pytest.raises(EgressRefused):
        await guard().admit("64:ff9b::808:808", 80)
    assert await guard(allow="64:ff9b::/96").admit("64:ff9b::808:808", 80)


def test_this_machine_knows_its_own_addresses() -> None:
    assert is_local_address(ip_address("127.0.0.1"))
    assert is_local_address(ip_address("::1"))
    assert is_local_address(ip_address("0.0.0.0"))
    assert not is_local_address(ip_address("93.184.215.14"))
    assert not is_local_address(ip_address("224.0.0.1"))


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "017700000001", "127.1"])
async def test_an_address_in_disguise_is_seen_through_by_the_system_resolver(host: str) -> None:
    judging = EgressGuard()
    try:
        with pytest.raises((EgressRefused, NameNotFound)):
            await judging.admit(host, 80)
    finally:
        judging.aclose()
