"""A repository in a directory: one directory for each version, written aside and renamed.

    versions/<version>/manifest.json, log.dump.zst, events.copy.zst, keys.jsonl.zst
    incoming/<version>.<attempt>/...        being written; or left by a writer that died
    removed/<version>/...                   being removed

A file is flushed to the disk before the directory that holds it gets its name, so a crash leaves a
whole version or none. Only their owner may read any of it.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from application import backup_manifest
from application.backup_repository import Manifest, NoSuchVersion, RepositoryFailed

_VERSION = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_READ = 1 << 20  # bytes at once
_PASSING = frozenset({errno.EINTR, errno.EAGAIN, errno.EIO, errno.ETIMEDOUT, errno.ESTALE})


@contextmanager
def _failures(what: str) -> Iterator[None]:
    """Turn what the file system refuses into one line."""
    try:
        yield
    except OSError as error:
        lasting = error.errno not in _PASSING
        reason = error.strerror or type(error).__name__
        raise RepositoryFailed(f"{what}: {reason}", lasting=lasting) from error


class DirectoryRepository:
    """`BackupRepository` in a directory, which is made when it is first written to."""

    def __init__(self, root: Path) -> None:
        """`root` is ours alone."""
        self._root = root
        self._versions = root / "versions"
        self._incoming = root / "incoming"
        self._removed = root / "removed"

    @property
    def place(self) -> str:
        """See `BackupRepository.place`."""
        return str(self._root)

    def versions(self) -> list[str]:
        """See `BackupRepository.versions`."""
        with _failures(f"{self._versions} cannot be read"):
            try:
                found = [entry.name for entry in self._versions.iterdir()]
            except FileNotFoundError:
                return []
        return sorted((name for name in found if _VERSION.fullmatch(name)), reverse=True)

    def manifest(self, version: str) -> Manifest:
        """See `BackupRepository.manifest`."""
        file = self._file(version, backup_manifest.NAME)
        with _failures(f"{file} cannot be read"):
            try:
                raw = file.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                raise NoSuchVersion(version=version) from None
        return backup_manifest.decode(version, raw)

    def read(self, version: str, part: str) -> Iterator[bytes]:
        """See `BackupRepository.read`."""
        path = self._file(version, part)
        with _failures(f"{path} cannot be read"):
            try:
                file = path.open("rb", buffering=0)
            except (FileNotFoundError, NotADirectoryError):
                raise NoSuchVersion(version=version, part=part) from None
            with file:
                while data := file.read(_READ):
                    yield data

    @contextmanager
    def draft(self, version: str, attempt: int) -> Iterator["_DirectoryDraft"]:
        """See `BackupRepository.draft`."""
        place = self._incoming / f"{_checked(version)}.{attempt}"
        with _failures(f"{place} cannot be made"):
            for directory in (self._root, self._incoming, self._versions):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for dead in self._incoming.glob(f"{version}.*"):
                shutil.rmtree(dead, ignore_errors=True)
            place.mkdir(mode=0o700)
        draft = _DirectoryDraft(place, self._versions / version)
        try:
            yield draft
        finally:
            draft.close()
            shutil.rmtree(place, ignore_errors=True)

    def label(self, version: str, label: str) -> Manifest:
        """See `BackupRepository.label`."""
        changed = msgspec.structs.replace(self.manifest(version), label=label)
        file = self._file(version, backup_manifest.NAME)
        aside = file.with_name(f".{backup_manifest.NAME}.{secrets.token_hex(4)}")
        with _failures(f"{file} cannot be written"):
            try:
                _write_whole(aside, backup_manifest.encode(changed))
                aside.replace(file)
            finally:
                with contextlib.suppress(OSError):
                    aside.unlink(missing_ok=True)
            _flush_directory(file.parent)
        return changed

    def delete(self, version: str) -> None:
        """See `BackupRepository.delete`."""
        aside = self._removed / f"{_checked(version)}.{secrets.token_hex(4)}"
        with _failures(f"{self._versions / version} cannot be removed"):
            if not (self._versions / version).exists():
                return
            self._removed.mkdir(mode=0o700, exist_ok=True)
            try:
                (self._versions / version).rename(aside)
            except FileNotFoundError:
                return  # somebody else was faster
            _flush_directory(self._versions)
            shutil.rmtree(aside)

    def sweep(self, keep: Collection[str]) -> list[str]:
        """See `BackupRepository.sweep`."""
        swept = []
        with _failures(f"{self._root} cannot be swept"):
            for directory in (self._incoming, self._removed):
                if not directory.is_dir():
                    continue
                for left in sorted(directory.iterdir()):
                    if directory == self._removed or left.name.partition(".")[0] not in keep:
                        shutil.rmtree(left)
                        swept.append(left.name)
        return swept

    def _file(self, version: str, name: str) -> Path:
        return self._versions / _checked(version) / name


class _DirectoryDraft:
    """A version that is being written."""

    def __init__(self, place: Path, final: Path) -> None:
        self._place = place
        self._final = final
        self._parts: list[_FileWriter] = []

    def part(self, name: str) -> "_FileWriter":
        """See `Draft.part`."""
        with _failures(f"{self._place / name} cannot be written"):
            self._parts.append(_FileWriter(self._place / name))
        return self._parts[-1]

    def publish(self, manifest: Manifest) -> None:
        """See `Draft.publish`."""
        with _failures(f"{self._final} cannot be written"):
            try:
                _write_whole(self._place / backup_manifest.NAME, backup_manifest.encode(manifest))
                _flush_directory(self._place)
                self._place.rename(self._final)
            except OSError as error:
                # A later attempt clears away what earlier ones have left behind.
                overtaken = error.errno == errno.ENOENT and self._final.is_dir()
                if not overtaken and error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                return  # another attempt was faster
            _flush_directory(self._final.parent)

    def close(self) -> None:
        """Let go of what was not closed."""
        for part in self._parts:
            part.abandon()


class _FileWriter:
    """`PartWriter` of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0
        )

    def write(self, data: bytes) -> None:
        """See `PartWriter.write`."""
        with _failures(f"{self._path.name} cannot be written to {self._path.parent.parent.parent}"):
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]

    def close(self) -> None:
        """See `PartWriter.close`."""
        with _failures(f"{self._path.name} cannot be written to {self._path.parent.parent.parent}"):
            os.fsync(self._file.fileno())
            self._file.close()

    def abandon(self) -> None:
        """Close it, whatever is in it."""
        with contextlib.suppress(OSError):
            self._file.close()


def _checked(version: str) -> str:
    """A version that can name a directory.

    Raises:
        NoSuchVersion: for anything else.
    """
    if not _VERSION.fullmatch(version):
        raise NoSuchVersion(version=version)
    return version


def _write_whole(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
