"""A version's files: no bit of them changes unnoticed."""

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from adapters.backups import packing
from adapters.backups.packing import Packer, unpacked
from adapters.memory.backup_repository import MemoryBackupRepository
from application import backup_manifest
from application.backup_parts import checked
from application.backup_repository import EVENTS_PART, Damaged, Manifest, NoSuchVersion
from tests.support.backups import PLAIN, flipped, manifest_of, new_version, published


def look_at(repository: MemoryBackupRepository, version: str) -> Manifest:
    """Read everything that a version has, as whoever restores it does."""
    manifest = repository.manifest(version)
    for part in manifest.parts:
        for _ in checked(repository, manifest, part.name):
            pass
    return manifest


def test_what_was_packed_is_unpacked() -> None:
    repository = MemoryBackupRepository()
    manifest = published(repository)
    for name, plain in PLAIN.items():
        stored = checked(repository, manifest, name)
        assert b"".join(unpacked(stored)) == plain
        assert manifest.part(name).plain_bytes == len(plain)


def test_every_single_flipped_bit_in_every_file_is_found() -> None:
    repository = MemoryBackupRepository()
    version = published(repository, label="a version").version
    for name, data in list(repository.files[version].items()):
        for bit in range(8 * len(data)):
            repository.files[version][name] = flipped(data, bit)
            with pytest.raises(Damaged) as damaged:
                look_at(repository, version)
            assert damaged.value.place.startswith(name), (name, bit)
        repository.files[version][name] = data
    look_at(repository, version)


def test_the_chunk_that_is_damaged_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "CHUNK", 8)
    repository = MemoryBackupRepository()
    manifest = published(repository)
    stored = repository.files[manifest.version][EVENTS_PART]
    assert len(manifest.part(EVENTS_PART).chunks) == -(-len(stored) // 8)
    repository.files[manifest.version][EVENTS_PART] = flipped(stored, 8 * 17)
    with pytest.raises(Damaged, match=r"chunk 2 .* its checksum differs"):
        list(checked(repository, manifest, EVENTS_PART))


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0"])
def test_a_part_of_another_length_is_damaged(change: object) -> None:
    repository = MemoryBackupRepository()
    version = published(repository).version
    stored = repository.files[version][EVENTS_PART]
    repository.files[version][EVENTS_PART] = change(stored)  # type: ignore[operator]
    with pytest.raises(Damaged):
        look_at(repository, version)


def test_a_part_that_is_gone_is_missed() -> None:
    repository = MemoryBackupRepository()
    version = published(repository).version
    del repository.files[version][EVENTS_PART]
    with pytest.raises(NoSuchVersion):
        look_at(repository, version)


@given(st.text(max_size=30), st.integers(1, 9))
def test_a_manifest_is_read_as_it_was_written(label: str, attempt: int) -> None:
    repository = MemoryBackupRepository()
    manifest = published(repository, label=label.replace("\0", ""), attempt=attempt)
    assert repository.manifest(manifest.version) == manifest


def test_a_manifest_under_another_name_is_damaged() -> None:
    raw = backup_manifest.encode(manifest_of(new_version()))
    with pytest.raises(Damaged, match="it is that of"):
        backup_manifest.decode(new_version(), raw)


def test_a_manifest_that_is_spelt_otherwise_is_damaged() -> None:
    version = new_version()
    raw = backup_manifest.encode(manifest_of(version))
    for other in (
        raw + b"\n",
        raw.replace(b"  ", b" ", 1),
        raw.replace(b'"log_id": 1', b'"log_id": 01'),
    ):
        assert other != raw
        with pytest.raises(Damaged):
            backup_manifest.decode(version, other)


def test_a_frame_that_ends_early_is_no_frame() -> None:
    repository = MemoryBackupRepository()
    with repository.draft(new_version(), 1) as draft:
        packer = Packer("x", draft.part("x"))
        packer.feed(b"some text" * 1000)
        packer.finish()
        [stored] = [bytes(data) for parts in repository.drafts.values() for data in parts.values()]
    with pytest.raises(zstandard.ZstdError):
        list(unpacked([stored[:-3]]))
