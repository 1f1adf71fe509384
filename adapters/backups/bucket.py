"""A repository in a bucket of an S3-compatible store.

    versions/<version>/<attempt>/log.dump.zst, events.copy.zst, keys.jsonl.zst
    versions/<version>/manifest.json        written last: with it, the version is there

An object appears whole or not at all. Each attempt writes to a place of its own, which the manifest
names, so that a writer that was given up cannot harm what another has published; what no manifest
names is swept. Deleting begins with the manifest.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import msgspec
import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from application import backup_manifest
from application.backup_repository import Manifest, NoSuchVersion, RepositoryFailed

_VERSION = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_MANIFEST = backup_manifest.NAME
_UPLOAD = 16 << 20
"""Bytes of one part of an upload: S3 takes 10,000 of them."""
_READ = 4 << 20
_MISSING = (FileNotFoundError, NotFoundError)
_LASTING = (PermissionDeniedError, UnauthenticatedError, *_MISSING)
_LINE = 300  # characters of a reason


@contextmanager
def _failures(what: str) -> Iterator[None]:
    """Turn what the store refuses into one line."""
    try:
        yield
    except (BaseError, OSError) as error:
        reason = " ".join(str(error).split())[:_LINE]
        lasting = isinstance(error, _LASTING)
        raise RepositoryFailed(f"{what}: {reason}", lasting=lasting) from error


class BucketRepository:
    """`BackupRepository` in a bucket, below a prefix."""

    def __init__(self, store: S3Store, place: str) -> None:
        """`store` is rooted at the prefix; `place` is for people."""
        self._store = store
        self._place = place

    @classmethod
    def of(cls, url: str, options: Mapping[str, object] | None = None) -> "BucketRepository":
        """The repository at `s3://bucket/prefix`; AWS_* in the environment say how to get there."""
        parts = urlsplit(url)
        store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            **(options or {}),  # type: ignore[arg-type]  # obstore's own names
        )
        return cls(store, f"s3://{parts.netloc}{parts.path}")

    @property
    def place(self) -> str:
        """See `BackupRepository.place`."""
        return self._place

    def versions(self) -> list[str]:
        """See `BackupRepository.versions`."""
        return sorted((v for v, rest in self._objects() if rest == _MANIFEST), reverse=True)

    def manifest(self, version: str) -> Manifest:
        """See `BackupRepository.manifest`."""
        path = _path(version, _MANIFEST)
        with _failures(f"{self._place}/{path} cannot be read"):
            try:
                raw = bytes(obstore.get(self._store, path).bytes())
            except _MISSING:
                raise NoSuchVersion(version=version) from None
        return backup_manifest.decode(version, raw)

    def read(self, version: str, part: str) -> Iterator[bytes]:
        """See `BackupRepository.read`."""
        path = _path(version, f"{self.manifest(version).attempt}/{part}")
        with _failures(f"{self._place}/{path} cannot be read"):
            try:
                found = obstore.get(self._store, path)
            except _MISSING:
                raise NoSuchVersion(version=version, part=part) from None
            for data in found.stream(min_chunk_size=_READ):
                yield bytes(data)

    @contextmanager
    def draft(self, version: str, attempt: int) -> Iterator["_BucketDraft"]:
        """See `BackupRepository.draft`."""
        draft = _BucketDraft(self._store, self._place, _checked(version), attempt)
        try:
            yield draft
        finally:
            if not draft.published:
                with suppress(RepositoryFailed):  # swept later; what went wrong before says why
                    self._remove(_path(version, f"{attempt}"))

    def label(self, version: str, label: str) -> Manifest:
        """See `BackupRepository.label`."""
        changed = msgspec.structs.replace(self.manifest(version), label=label)
        path = _path(version, _MANIFEST)
        with _failures(f"{self._place}/{path} cannot be written"):
            obstore.put(self._store, path, backup_manifest.encode(changed))
        return changed

    def delete(self, version: str) -> None:
        """See `BackupRepository.delete`."""
        path = _path(version, _MANIFEST)
        with _failures(f"{self._place}/{path} cannot be removed"), suppress(*_MISSING):
            obstore.delete(self._store, path)
        self._remove(_path(version, ""))

    def sweep(self, keep: Collection[str]) -> list[str]:
        """See `BackupRepository.sweep`."""
        drafts: dict[str, set[str]] = {}
        whole = set()
        for version, rest in self._objects():
            if rest == _MANIFEST:
                whole.add(version)
            else:
                drafts.setdefault(version, set()).add(rest.partition("/")[0])
        swept = []
        for version in sorted(drafts.keys() - set(keep)):
            named = {str(self.manifest(version).attempt)} if version in whole else set()
            for attempt in sorted(drafts[version] - named):
                self._remove(_path(version, attempt))
                swept.append(f"{version}.{attempt}")
        return swept

    def _objects(self) -> list[tuple[str, str]]:
        """Every object of ours, as its version and the rest of its path."""
        with _failures(f"{self._place} cannot be listed"):
            paths = [
                each["path"] for page in obstore.list(self._store, "versions") for each in page
            ]
        found = [path.removeprefix("versions/").partition("/") for path in paths]
        return [(version, rest) for version, _, rest in found if _VERSION.fullmatch(version)]

    def _remove(self, prefix: str) -> None:
        with _failures(f"{self._place}/{prefix} cannot be removed"):
            for page in obstore.list(self._store, prefix.rstrip("/")):
                obstore.delete(self._store, [each["path"] for each in page])


class _BucketDraft:
    """A version that is being written."""

    def __init__(self, store: S3Store, place: str, version: str, attempt: int) -> None:
        self._store = store
        self._place = place
        self._version = version
        self._attempt = attempt
        self.published = False

    def part(self, name: str) -> "_ObjectWriter":
        """See `Draft.part`."""
        path = _path(self._version, f"{self._attempt}/{name}")
        return _ObjectWriter(self._store, path, f"{self._place}/{path}")

    def publish(self, manifest: Manifest) -> None:
        """See `Draft.publish`."""
        path = _path(self._version, _MANIFEST)
        with _failures(f"{self._place}/{path} cannot be written"):
            try:
                obstore.put(self._store, path, backup_manifest.encode(manifest), mode="create")
            except AlreadyExistsError:
                return  # another attempt was faster
        self.published = True


class _ObjectWriter:
    """`PartWriter` of one object, which appears when it is closed."""

    def __init__(self, store: S3Store, path: str, place: str) -> None:
        self._place = place
        self._file = obstore.open_writer(store, path, buffer_size=_UPLOAD, max_concurrency=4)

    def write(self, data: bytes) -> None:
        """See `PartWriter.write`."""
        with _failures(f"{self._place} cannot be written"):
            self._file.write(data)

    def close(self) -> None:
        """See `PartWriter.close`."""
        with _failures(f"{self._place} cannot be written"):
            self._file.close()


def _path(version: str, rest: str) -> str:
    return f"versions/{_checked(version)}/{rest}"


def _checked(version: str) -> str:
    """A version that can be part of a path.

    Raises:
        NoSuchVersion: for anything else.
    """
    if not _VERSION.fullmatch(version):
        raise NoSuchVersion(version=version)
    return version
