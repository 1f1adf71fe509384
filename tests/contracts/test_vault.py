import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from adapters.crypto.master import BadMasterKey, MasterKey
from adapters.crypto.vault import PostgresVault
from adapters.memory.vault import MemoryVault
from adapters.postgres.connect import Pool, open_pool
from application.event_store import Outage
from application.vault import DataKey, KeyOwner, Vault

MASTER = MasterKey(b"m" * 32)


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(postgres_url, role="annals_appender", max_size=4)
    yield pool
    await pool.close()


@pytest.fixture(params=["memory", "postgres"])
def vault(request: pytest.FixtureRequest) -> Vault:
    if request.param == "memory":
        return MemoryVault()
    return PostgresVault(request.getfixturevalue("pool"), MASTER)


def person() -> KeyOwner:
    return KeyOwner("system", "person", str(uuid.uuid4()))


async def made(vault: Vault, owner: KeyOwner) -> DataKey:
    key = (await vault.keys([owner], create=True))[owner]
    assert key is not None
    return key


async def test_a_key_is_made_once_and_kept(vault: Vault) -> None:
    owner = person()
    assert await vault.keys([owner], create=False) == {owner: None}
    sealed = (await made(vault, owner)).seal(b"ada", b"here")
    again = (await vault.keys([owner], create=False))[owner]
    assert again is not None
    assert again.open(sealed, b"here") == b"ada"


async def test_what_is_sealed_opens_only_in_its_place_and_under_its_key(vault: Vault) -> None:
    one, other = person(), person()
    keys = await vault.keys([one, other], create=True)
    key, foreign = keys[one], keys[other]
    assert key is not None
    assert foreign is not None
    sealed = key.seal(b"ada", b"here")
    for text, context, by in (
        (sealed, b"there", key),
        (sealed, b"here", foreign),
        (sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB"), b"here", key),
        (sealed[:20], b"here", key),
        (sealed[2:], b"here", key),
        ("1.é", b"here", key),
        ("1.!", b"here", key),
        ("", b"here", key),
    ):
        with pytest.raises(ValueError, match="sealed"):
            by.open(text, context)


async def test_sealing_twice_tells_nothing_and_is_printable(vault: Vault) -> None:
    key = await made(vault, person())
    texts = {key.seal(b"same", b"") for _ in range(50)}
    assert len(texts) == 50
    assert all(text.isascii() and text.isprintable() for text in texts)


async def test_a_destroyed_key_is_gone_for_good(vault: Vault) -> None:
    owner, stranger = person(), person()
    await made(vault, owner)
    for _ in range(2):
        await vault.destroy(owner)
        await vault.destroy(stranger)
    expected = {owner: None, stranger: None}
    assert await vault.keys([owner, stranger], create=True) == expected
    assert await vault.keys([owner, stranger], create=False) == expected


async def test_owners_are_told_apart_by_every_part(vault: Vault) -> None:
    name = str(uuid.uuid4())
    owners = [
        KeyOwner("system", "person", name),
        KeyOwner("system", "tenant", name),
        KeyOwner("other", "person", name),
    ]
    keys = await vault.keys(owners, create=True)
    sealed = await made(vault, owners[0])
    text = sealed.seal(b"x", b"")
    for owner in owners[1:]:
        key = keys[owner]
        assert key is not None
        with pytest.raises(ValueError, match="sealed"):
            key.open(text, b"")


async def test_racing_makers_get_the_same_keys(pool: Pool) -> None:
    owners = [person() for _ in range(20)]
    vaults = [PostgresVault(pool, MASTER) for _ in range(6)]
    found = await asyncio.gather(
        *(vault.keys(owners[:: 1 if n % 2 else -1], create=True) for n, vault in enumerate(vaults))
    )
    for owner in owners:
        first = found[0][owner]
        assert first is not None
        sealed = first.seal(b"x", b"")
        for keys in found:
            key = keys[owner]
            assert key is not None
            assert key.open(sealed, b"") == b"x"


async def test_a_key_destroyed_elsewhere_is_forgotten_when_told(pool: Pool) -> None:
    here, there, owner = PostgresVault(pool, MASTER), PostgresVault(pool, MASTER), person()
    await made(here, owner)
    await there.destroy(owner)
    here.forget(owner)
    assert (await here.keys([owner], create=True))[owner] is None


async def test_a_key_read_while_it_is_destroyed_is_not_kept(pool: Pool) -> None:
    owner = person()
    await made(PostgresVault(pool, MASTER), owner)
    vault = PostgresVault(pool, MASTER)
    reading = asyncio.ensure_future(vault.keys([owner], create=False))
    await asyncio.sleep(0)
    await vault.destroy(owner)
    await reading
    assert (await vault.keys([owner], create=False))[owner] is None


async def test_only_so_many_keys_are_kept_at_hand(pool: Pool) -> None:
    vault = PostgresVault(pool, MASTER, capacity=3)
    owners = [person() for _ in range(10)]
    for owner in owners:
        await made(vault, owner)
    assert list(vault._kept) == owners[-3:]
    vault.clear()
    assert not vault._kept
    assert (await vault.keys(owners, create=False)).keys() == set(owners)


async def test_another_master_key_is_told(database_url: str) -> None:
    pool = await open_pool(database_url, role="annals_appender")
    vault = PostgresVault(pool, MASTER)
    await vault.check()
    owner = person()
    await made(vault, owner)
    await vault.check()
    wrong = PostgresVault(pool, MasterKey(b"w" * 32))
    with pytest.raises(BadMasterKey, match="another master key"):
        await wrong.check()
    with pytest.raises(BadMasterKey):
        await wrong.keys([owner], create=True)
    await pool.close()


async def test_a_wrapped_key_works_only_in_its_own_row(pool: Pool) -> None:
    vault, owner, thief = PostgresVault(pool, MASTER), person(), person()
    await vault.keys([owner, thief], create=True)
    await pool.execute(
        "UPDATE annals.data_keys SET wrapped = "
        "(SELECT wrapped FROM annals.data_keys WHERE owner = $1) WHERE owner = $2",
        owner.id,
        thief.id,
    )
    vault.clear()
    with pytest.raises(BadMasterKey):
        await vault.keys([thief], create=False)
    await vault.destroy(thief)


async def test_without_a_database_it_is_an_outage(postgres_url: str) -> None:
    pool = await open_pool(postgres_url, role="annals_appender")
    vault, known = PostgresVault(pool, MASTER), person()
    await made(vault, known)
    await pool.close()
    with pytest.raises(Outage):
        await vault.keys([person()], create=False)
    with pytest.raises(Outage):
        await vault.destroy(person())
    assert (await vault.keys([known], create=False))[known] is not None
