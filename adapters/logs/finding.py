"""Finding and opening log files below the allowed roots, and nothing else.

Every directory below a root is opened relative to the one before it, and never through a symbolic
link; so is the file. Swapping a part for a link while we walk gets an error, not another
file. What is no regular file (a pipe, a device, a socket) is left alone.

While names are listed and opened no name must change, or files would be missed or seen twice:
what a rotation has changed meanwhile is begun anew.
"""

import fnmatch
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from adapters.logs.rotations import FOREIGN, rotation_of
from application.event_store import Outage
from application.log_reader import SourceFiles, TooManyFiles
from domain.rejections import Fault

MOST_FILES: Final = 500
_DEEPEST: Final = 16
_TRIES: Final = 10
_STRICT_TRIES: Final = 5
_PAUSE: Final = 0.002  # seconds, times the number of tries before
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, kw_only=True)
class OpenFile:
    """A regular file, open for reading, as it was when it was opened."""

    path: str
    fd: int
    device: int
    inode: int
    size: int
    modified_ns: int

    def close(self) -> None:
        """Let go of it."""
        os.close(self.fd)


@dataclass(frozen=True)
class _Named:
    path: str
    inode: int


Changes = dict[str, int]
"""When directories were last changed, in nanoseconds."""


class Finder:
    """Finds the files of sources below `roots`."""

    def __init__(self, roots: Sequence[Path]) -> None:
        """`roots` are absolute; links in them are the operator's own and are followed."""
        self._roots = [PurePosixPath(os.path.normpath(root)) for root in roots]

    def faults(self, source: SourceFiles) -> list[Fault]:
        """What is wrong with a source's paths."""
        found = []
        for index, path in enumerate(source.paths):
            problem = self._problem(path)
            if problem is not None:
                code, detail = problem
                found.append(Fault(pointer=f"/paths/{index}", code=code, detail=detail))
        return found

    def opened(self, source: SourceFiles) -> tuple[list[OpenFile], int]:
        """The source's files, open, and how many could not be opened; the caller closes them.

        Raises:
            TooManyFiles: there are more than `MOST_FILES`.
            Outage: files are renamed faster than they can be listed.
        """
        for number in range(_TRIES):
            before: Changes = {}
            after: Changes = {}
            files, unreadable = self._open_all(source, before)
            again = {named.path: named.inode for named, _ in self._walked(source, after)}
            is_same = len(again) == len(files) + unreadable and all(
                again.get(file.path) == file.inode for file in files
            )
            # In a directory where other things are made all the time, the names must do.
            if is_same and (before == after or number >= _STRICT_TRIES):
                return files, unreadable
            for file in files:
                file.close()
            time.sleep(_PAUSE * number)
        raise Outage("the source's files are renamed faster than they can be read")

    def _open_all(self, source: SourceFiles, changes: Changes) -> tuple[list[OpenFile], int]:
        files: list[OpenFile] = []
        unreadable = 0
        for named, directory in self._walked(source, changes):
            if len(files) >= MOST_FILES:
                for file in files:
                    file.close()
                raise TooManyFiles(most=MOST_FILES)
            opened = _open(named.path, directory)
            if opened is None:
                unreadable += 1
            else:
                files.append(opened)
        return files, unreadable

    def _walked(self, source: SourceFiles, changes: Changes) -> Iterator[tuple[_Named, int]]:
        """Every file once, with its directory's descriptor, which is open until the next."""
        seen: set[str] = set()
        for path in source.paths:
            root = self._root_of(PurePosixPath(path))
            if root is None:
                continue  # the roots were narrowed after the source was registered
            parts = PurePosixPath(path).relative_to(root).parts
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                directory = os.open(root, _DIRECTORY & ~os.O_NOFOLLOW)
                try:
                    for named, below in _walk(directory, str(root), parts, changes):
                        if named.path not in seen:
                            seen.add(named.path)
                            yield named, below
                finally:
                    os.close(directory)

    def _root_of(self, path: PurePosixPath) -> PurePosixPath | None:
        return next((root for root in self._roots if path.is_relative_to(root)), None)

    def _problem(self, path: str) -> tuple[str, str] | None:
        parts = PurePosixPath(path).parts
        if not path.startswith("/") or "\x00" in path or path.endswith("/"):
            return "not-absolute", "a path is absolute and names files: /var/log/app/*.log"
        if ".." in parts or "/./" in path or "//" in path:
            return "not-plain", "a path has no `..`, `.` or empty parts"
        if self._root_of(PurePosixPath(path)) is None or PurePosixPath(path) in self._roots:
            roots = ", ".join(map(str, self._roots)) or "none"
            return "not-allowed", f"a path lies below an allowed directory ({roots})"
        return None


def _walk(
    directory: int, prefix: str, parts: Sequence[str], changes: Changes, depth: int = 0
) -> Iterator[tuple[_Named, int]]:
    """The files that `parts` match below an open directory."""
    part, *rest = parts
    if depth > _DEEPEST:
        return
    changes[prefix] = os.fstat(directory).st_mtime_ns
    if not rest:
        yield from ((named, directory) for named in _matches(directory, prefix, part))
        return
    if part == "**":
        yield from _walk(directory, prefix, rest, changes, depth)
    for name in _directories(directory, part):
        try:
            below = os.open(name, _DIRECTORY, dir_fd=directory)
        except OSError:
            continue  # a link, or removed, or not ours to read
        try:
            further = parts if part == "**" else rest
            yield from _walk(below, f"{prefix}/{name}", further, changes, depth + 1)
        finally:
            os.close(below)


def _directories(directory: int, pattern: str) -> list[str]:
    if not _is_glob(pattern):
        return [pattern]
    with os.scandir(directory) as entries:
        return sorted(
            each.name
            for each in entries
            if _globbed(each.name, "*" if pattern == "**" else pattern)
            and each.is_dir(follow_symlinks=False)
        )


def _matches(directory: int, prefix: str, pattern: str) -> list[_Named]:
    """Regular files whose name, or the name that they had before a rotation, matches."""
    with os.scandir(directory) as entries:
        return sorted(
            (
                _Named(f"{prefix}/{each.name}", each.inode())
                for each in entries
                if (_globbed(each.name, pattern) or _globbed(rotation_of(each.name).base, pattern))
                and not each.name.endswith(FOREIGN)
                and each.is_file(follow_symlinks=False)
            ),
            key=lambda named: named.path,
        )


def _globbed(name: str, pattern: str) -> bool:
    if not _is_glob(pattern):
        return name == pattern
    return fnmatch.fnmatchcase(name, pattern) and (
        pattern.startswith(".") or not name.startswith(".")
    )


def _is_glob(part: str) -> bool:
    return any(sign in part for sign in "*?[")


def _open(path: str, directory: int) -> OpenFile | None:
    try:
        fd = os.open(os.path.basename(path), _FILE, dir_fd=directory)  # noqa: PTH119 - a string's end
    except OSError:
        return None
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        return None
    return OpenFile(
        path=path,
        fd=fd,
        device=found.st_dev,
        inode=found.st_ino,
        size=found.st_size,
        modified_ns=found.st_mtime_ns,
    )
