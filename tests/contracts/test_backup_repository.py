"""Every repository of backups keeps the port's promises: in memory, in a directory, in a bucket."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from adapters.backups.bucket import BucketRepository
from adapters.backups.directory import DirectoryRepository
from adapters.memory.backup_repository import MemoryBackupRepository
from application.backup_parts import checked
from application.backup_repository import (
    EVENTS_PART,
    BackupRepository,
    NoSuchVersion,
    RepositoryFailed,
)
from tests.support.backups import PLAIN, manifest_of, new_version, published
from tests.support.bucket import bucket_server

_prefixes = itertools.count()


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with bucket_server() as address:
        yield {
            "endpoint": address,
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "test",
        }


@pytest.fixture(params=["memory", "directory", "bucket"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> BackupRepository:
    match request.param:
        case "memory":
            return MemoryBackupRepository()
        case "directory":
            return DirectoryRepository(tmp_path / "backups")
        case _:
            options = request.getfixturevalue("s3")
            return bucket(options, f"s3://backups/{next(_prefixes)}")


def bucket(options: dict[str, str], url: str) -> BucketRepository:
    return BucketRepository.of(
        url,
        {**options, "client_options": {"allow_http": True}, "virtual_hosted_style_request": False},
    )


def test_an_empty_repository_has_no_versions(repository: BackupRepository) -> None:
    assert repository.versions() == []
    assert repository.sweep(()) == []


def test_a_version_is_read_as_it_was_written(repository: BackupRepository) -> None:
    manifest = published(repository, label="über")
    assert repository.manifest(manifest.version) == manifest
    for part in manifest.parts:
        stored = b"".join(checked(repository, manifest, part.name))
        assert len(stored) == part.bytes
    assert manifest.part(EVENTS_PART).plain_bytes == len(PLAIN[EVENTS_PART])


def test_versions_are_listed_newest_first(repository: BackupRepository) -> None:
    made = [published(repository).version for _ in range(3)]
    assert repository.versions() == made[::-1]


def test_nobody_sees_a_version_before_it_is_whole(repository: BackupRepository) -> None:
    version = new_version()
    with repository.draft(version, 1) as draft:
        part = draft.part(EVENTS_PART)
        part.write(b"half")
        assert repository.versions() == []
        part.close()
        assert repository.versions() == []
    assert repository.versions() == []
    with pytest.raises(NoSuchVersion):
        repository.manifest(version)
    with pytest.raises(NoSuchVersion):
        list(repository.read(version, EVENTS_PART))
    assert repository.sweep(()) == []


def test_a_writer_that_fails_leaves_nothing(repository: BackupRepository) -> None:
    def fail() -> None:
        with repository.draft(new_version(), 1) as draft:
            draft.part(EVENTS_PART).write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert repository.versions() == []
    assert repository.sweep(()) == []


def test_of_two_attempts_the_first_to_publish_counts(repository: BackupRepository) -> None:
    version = new_version()
    with repository.draft(version, 1) as slow:
        written = slow.part(EVENTS_PART)
        written.write(b"slow")
        fast = published(repository, version, attempt=2)
        written.close()
        slow.publish(manifest_of(version, label="slow"))
    assert repository.versions() == [version]
    manifest = repository.manifest(version)
    assert manifest == fast
    for part in manifest.parts:
        list(checked(repository, manifest, part.name))


def test_what_was_not_made_is_not_there(repository: BackupRepository) -> None:
    published(repository)
    for version in (new_version(), "nonsense", "../..", ""):
        with pytest.raises(NoSuchVersion):
            repository.manifest(version)
        with pytest.raises(NoSuchVersion):
            list(repository.read(version, EVENTS_PART))


def test_a_label_is_changed_and_nothing_else(repository: BackupRepository) -> None:
    manifest = published(repository, label="before")
    changed = repository.label(manifest.version, "after")
    assert changed.label == "after"
    assert repository.manifest(manifest.version) == changed
    assert changed.parts == manifest.parts
    with pytest.raises(NoSuchVersion):
        repository.label(new_version(), "nobody")


def test_a_version_is_deleted_once(repository: BackupRepository) -> None:
    gone, stays = published(repository).version, published(repository).version
    repository.delete(gone)
    repository.delete(gone)
    assert repository.versions() == [stays]
    with pytest.raises(NoSuchVersion):
        repository.manifest(gone)
    assert repository.sweep(()) == []


class TestLeftovers:
    """What a writer that was killed leaves is swept, and nothing else."""

    def test_in_a_directory(self, tmp_path: Path) -> None:
        repository = DirectoryRepository(tmp_path)
        whole, running = published(repository).version, new_version()
        dead = self._leave(tmp_path, new_version())
        alive = self._leave(tmp_path, running)
        (tmp_path / "removed" / "half").mkdir(parents=True)
        assert repository.sweep([running]) == [f"{dead}.1", "half"]
        assert repository.versions() == [whole]
        assert [each.name for each in (tmp_path / "incoming").iterdir()] == [f"{alive}.1"]

    def test_in_a_bucket(self, s3: dict[str, str]) -> None:
        prefix = f"s3://backups/left-{next(_prefixes)}"
        repository = bucket(s3, prefix)
        whole, running = published(repository, attempt=2).version, new_version()
        dead = new_version()
        for version in (whole, running, dead):
            self._object(s3, prefix, f"versions/{version}/1/{EVENTS_PART}")
        assert repository.sweep([running]) == sorted([f"{whole}.1", f"{dead}.1"])
        assert repository.versions() == [whole]
        manifest = repository.manifest(whole)
        assert list(checked(repository, manifest, EVENTS_PART))
        assert repository.sweep([]) == [f"{running}.1"]

    @staticmethod
    def _leave(root: Path, version: str) -> str:
        """What a writer has on the disk when it is killed."""
        draft = root / "incoming" / f"{version}.1"
        draft.mkdir()
        (draft / EVENTS_PART).write_bytes(b"half")
        return version

    @staticmethod
    def _object(options: dict[str, str], url: str, path: str) -> None:
        store = S3Store.from_url(
            url, client_options={"allow_http": True}, virtual_hosted_style_request=False, **options
        )
        obstore.put(store, path, b"half")


def test_a_bucket_that_is_not_there_is_told_in_a_line(s3: dict[str, str]) -> None:
    repository = bucket(s3, "s3://nobodys/")
    with pytest.raises(RepositoryFailed) as failed:
        repository.versions()
    assert "\n" not in failed.value.detail
    with pytest.raises(RepositoryFailed):
        published(repository)


def test_a_directory_that_may_not_be_written_is_told_in_a_line(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    repository = DirectoryRepository(in_the_way)
    with pytest.raises(RepositoryFailed) as failed:
        published(repository)
    assert failed.value.lasting
    assert "\n" not in failed.value.detail
