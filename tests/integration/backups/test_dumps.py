"""A dump is one moment of the log, loads as it was, and is found out where it is not."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import msgspec
import pytest

from adapters.backups.directory import DirectoryRepository
from adapters.backups.dump import PgDumper
from adapters.backups.packing import Packer, unpacked
from adapters.backups.scratch import load, scratch_database
from adapters.backups.verify import PgVerifier
from adapters.capabilities import DECIDERS, UPCASTS
from adapters.crypto.master import MasterKey
from application.backup_parts import checked
from application.backup_repository import EVENTS_PART, KEYS_PART, LOG_PART, Manifest
from application.backups import DumpFailed, Sound, Unsound, VerificationFailed
from application.event_store import Outage
from domain.accounts import ACCOUNT, RegisterAccount
from domain.flags.commands import ChangeFlag
from domain.flags.decider import FLAG
from domain.flags.edits import Enable
from tests.support.backups import flipped, new_version
from tests.support.restores import MASTER, log_name, now, opened

PERSON = "Ada Lovelace <ada@example.org>"


def silent(_done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, kw_only=True)
class Plant:
    """A log, a repository beside it, and who works on both."""

    url: str
    repository: DirectoryRepository
    root: Path

    async def dump(self, tell: Callable[[int, int], None] = silent, url: str = "") -> Manifest:
        dumper = PgDumper(url or self.url, self.repository, now=now)
        return await dumper(new_version(), "a label", attempt=1, tell=tell)

    async def verify(self, version: str, master: MasterKey = MASTER) -> Sound | Unsound:
        verifier = PgVerifier(self.url, self.repository, lambda: master, DECIDERS, UPCASTS)
        return await verifier(version, attempt=1, tell=silent)

    async def databases(self) -> list[str]:
        connection = await asyncpg.connect(self.url)
        try:
            query = "SELECT datname FROM pg_database WHERE starts_with(datname, $1)"
            return [row[0] for row in await connection.fetch(query, log_name(self.url))]
        finally:
            await connection.close()


@pytest.fixture
def plant(database_url: str, tmp_path: Path) -> Iterator[Plant]:
    root = tmp_path / "backups"
    plant = Plant(url=database_url, repository=DirectoryRepository(root), root=root)
    yield plant
    assert not list((root / "incoming").glob("*"))


async def fill(url: str) -> None:
    """A few streams, one of them with personal data and secrets."""
    async with opened(url) as log:
        await log.flags("a", "b", "c")
        account = RegisterAccount(email=PERSON, password_hash="$argon2id$hash", at=now())
        await log.decide(ACCOUNT, "ada", account)


async def rows(url: str, table: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(f"TABLE annals.{table}")]
    finally:
        await connection.close()


async def test_what_is_loaded_is_what_was_dumped(plant: Plant) -> None:
    await fill(plant.url)
    manifest = await plant.dump()
    assert plant.repository.versions() == [manifest.version]
    assert manifest.events == manifest.position > 3
    async with scratch_database(plant.url, f"{log_name(plant.url)}_x") as url:
        assert await load(url, plant.repository, manifest.version) == manifest
        for table in ("events", "data_keys", "logs", "migrations", "keys"):
            assert await rows(url, table) == await rows(plant.url, table), table


async def test_the_loaded_log_is_guarded_as_the_first_was(plant: Plant) -> None:
    await fill(plant.url)
    manifest = await plant.dump()
    async with scratch_database(plant.url, f"{log_name(plant.url)}_x") as url:
        await load(url, plant.repository, manifest.version)
        connection = await asyncpg.connect(url)
        try:
            with pytest.raises(asyncpg.PostgresError, match="never rewritten"):
                await connection.execute("DELETE FROM annals.events")
        finally:
            await connection.close()
        async with opened(url) as log:
            await log.flags("d")


async def test_what_is_recorded_during_a_dump_is_in_the_next(plant: Plant) -> None:
    await fill(plant.url)
    async with opened(plant.url) as log:
        loop = asyncio.get_running_loop()
        begun = asyncio.Event()

        async def write() -> int:
            await begun.wait()
            return await log.flags("during")

        writing = asyncio.create_task(write())
        manifest = await plant.dump(lambda *_: loop.call_soon_threadsafe(begun.set))
        assert manifest.position < await writing
    assert isinstance(await plant.verify(manifest.version), Sound)
    assert (await plant.dump()).position > manifest.position


async def test_an_empty_log_can_be_dumped(plant: Plant) -> None:
    manifest = await plant.dump()
    assert (manifest.position, manifest.events, manifest.recorded_at) == (0, 0, None)
    assert await plant.verify(manifest.version) == Sound(events=0, position=0, streams=0)


async def test_neither_personal_data_nor_the_master_key_is_in_a_backup(plant: Plant) -> None:
    await fill(plant.url)
    manifest = await plant.dump()
    for part in manifest.parts:
        plain = b"".join(unpacked(checked(plant.repository, manifest, part.name)))
        for secret in (b"Ada Lovelace", b"$argon2id$hash", MASTER.derive("key wrapping")):
            assert secret not in plain
        assert (b"wrapped" in plain) == (part.name in (KEYS_PART, LOG_PART))
    assert manifest.part(KEYS_PART).plain_bytes > 0


async def test_a_sound_backup_is_found_sound(plant: Plant) -> None:
    await fill(plant.url)
    manifest = await plant.dump()
    before = await plant.databases()
    verdict = await plant.verify(manifest.version)
    assert verdict == Sound(events=manifest.events, position=manifest.position, streams=4)
    assert await plant.databases() == before


async def test_it_stays_sound_while_the_log_goes_on(plant: Plant) -> None:
    await fill(plant.url)
    manifest = await plant.dump()
    async with opened(plant.url) as log:
        await log.decide(
            FLAG, "a", ChangeFlag(flag="a", edits=(Enable(environment="other"),), at=now())
        )
    assert isinstance(await plant.verify(manifest.version), Sound)


async def test_all_damage_is_named(plant: Plant) -> None:
    await fill(plant.url)
    manifest = await plant.dump()
    place = plant.root / "versions" / manifest.version
    for name in (LOG_PART, EVENTS_PART):
        file = place / name
        file.write_bytes(flipped(file.read_bytes(), 8 * (file.stat().st_size // 2)))
    (place / KEYS_PART).unlink()
    found = await plant.verify(manifest.version)
    assert isinstance(found, Unsound)
    assert [fault.split()[0] for fault in found.faults] == [LOG_PART, EVENTS_PART, KEYS_PART]


async def test_a_backup_that_says_otherwise_than_the_log_is_found(plant: Plant) -> None:
    """Whole by its own checksums, and yet not what was recorded: somebody has rewritten it."""
    await fill(plant.url)
    manifest = await plant.dump()
    stored = checked(plant.repository, manifest, EVENTS_PART)
    forged = b"".join(unpacked(stored)).replace(b"flag.enabled", b"flag.mangled", 1)
    version = new_version()
    with plant.repository.draft(version, 1) as draft:
        parts = []
        for part in manifest.parts:
            packer = Packer(part.name, draft.part(part.name))
            plain = forged
            if part.name != EVENTS_PART:
                plain = b"".join(unpacked(checked(plant.repository, manifest, part.name)))
            packer.feed(plain)
            parts.append(packer.finish())
        draft.publish(msgspec.structs.replace(manifest, version=version, parts=tuple(parts)))
    found = await plant.verify(version)
    assert found == Unsound(
        faults=("the log says otherwise: its digest over the same events differs",)
    )


async def test_keys_that_another_master_key_has_wrapped_open_nothing(plant: Plant) -> None:
    await fill(plant.url)
    manifest = await plant.dump()
    found = await plant.verify(manifest.version, MasterKey(bytes(32)))
    assert isinstance(found, Unsound)
    assert "another master key" in found.faults[0]


async def test_a_version_that_is_not_there_is_not_sound(plant: Plant) -> None:
    assert isinstance(await plant.verify(new_version()), Unsound)


async def test_without_the_right_to_make_databases_nobody_knows(plant: Plant) -> None:
    manifest = await plant.dump()
    connection = await asyncpg.connect(plant.url)
    role = f"weak_{log_name(plant.url)}"
    try:
        await connection.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD 'weak' IN ROLE annals_owner, annals_reader"
        )
        weak = PgVerifier(
            plant.url.replace("annals:", f"{role}:", 1).replace(_password(plant.url), "weak", 1),
            plant.repository,
            lambda: MASTER,
            DECIDERS,
            UPCASTS,
        )
        with pytest.raises(VerificationFailed, match=r"ALTER ROLE .* CREATEDB"):
            await weak(manifest.version, attempt=1, tell=silent)
    finally:
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


def _password(url: str) -> str:
    return url.partition("@")[0].rpartition(":")[2]


async def test_a_dump_that_is_cancelled_leaves_nothing(plant: Plant) -> None:
    await fill(plant.url)
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    dump = asyncio.create_task(plant.dump(lambda *_: loop.call_soon_threadsafe(begun.set)))
    await begun.wait()
    dump.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dump
    assert plant.repository.versions() == []


async def test_a_dump_whose_connections_are_cut_leaves_nothing(plant: Plant) -> None:
    await fill(plant.url)
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()
    cut = asyncio.Event()

    def tell(_done: int, _total: int) -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(cut.wait(), loop).result()

    dump = asyncio.create_task(plant.dump(tell))
    await begun.wait()
    connection = await asyncpg.connect(plant.url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'annals backup%'"
        )
    finally:
        await connection.close()
    cut.set()
    with pytest.raises((Outage, DumpFailed)):
        await dump
    assert plant.repository.versions() == []
