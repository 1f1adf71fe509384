"""A repository in memory, for tests."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import msgspec

from application import backup_manifest
from application.backup_repository import Manifest, NoSuchVersion


class MemoryBackupRepository:
    """`BackupRepository` whose files are bytes."""

    def __init__(self) -> None:
        """Start empty; `files` is by version and name, and may be looked at and damaged."""
        self.files: dict[str, dict[str, bytes]] = {}
        self.drafts: dict[str, dict[str, bytearray]] = {}

    @property
    def place(self) -> str:
        """See `BackupRepository.place`."""
        return "memory"

    def versions(self) -> list[str]:
        """See `BackupRepository.versions`."""
        return sorted(self.files, reverse=True)

    def manifest(self, version: str) -> Manifest:
        """See `BackupRepository.manifest`."""
        if version not in self.files:
            raise NoSuchVersion(version=version)
        return backup_manifest.decode(version, self.files[version][backup_manifest.NAME])

    def read(self, version: str, part: str) -> Iterator[bytes]:
        """See `BackupRepository.read`."""
        data = self.files.get(version, {}).get(part)
        if data is None:
            raise NoSuchVersion(version=version, part=part)
        yield from (data[start : start + 7] for start in range(0, len(data), 7))

    @contextmanager
    def draft(self, version: str, attempt: int) -> Iterator["_MemoryDraft"]:
        """See `BackupRepository.draft`."""
        name = f"{version}.{attempt}"
        self.drafts[name] = {}
        try:
            yield _MemoryDraft(self, version, self.drafts[name])
        finally:
            del self.drafts[name]

    def label(self, version: str, label: str) -> Manifest:
        """See `BackupRepository.label`."""
        changed = msgspec.structs.replace(self.manifest(version), label=label)
        self.files[version][backup_manifest.NAME] = backup_manifest.encode(changed)
        return changed

    def delete(self, version: str) -> None:
        """See `BackupRepository.delete`."""
        self.files.pop(version, None)

    def sweep(self, keep: Collection[str]) -> list[str]:
        """See `BackupRepository.sweep`."""
        left = [name for name in self.drafts if name.partition(".")[0] not in keep]
        for name in left:
            del self.drafts[name]
        return left


class _MemoryDraft:
    def __init__(
        self, repository: MemoryBackupRepository, version: str, parts: dict[str, bytearray]
    ) -> None:
        self._repository = repository
        self._version = version
        self._parts = parts

    def part(self, name: str) -> "_MemoryWriter":
        self._parts[name] = bytearray()
        return _MemoryWriter(self._parts[name])

    def publish(self, manifest: Manifest) -> None:
        files = {name: bytes(data) for name, data in self._parts.items()}
        files[backup_manifest.NAME] = backup_manifest.encode(manifest)
        self._repository.files.setdefault(self._version, files)


class _MemoryWriter:
    def __init__(self, data: bytearray) -> None:
        self._data = data

    def write(self, data: bytes) -> None:
        self._data += data

    def close(self) -> None:
        """Nothing is held back."""
