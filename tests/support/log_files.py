"""A directory with log files, and what reads them."""

import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import zstandard

from adapters.logs.requests import Count, FindPage, Limits, Summarise, raised
from adapters.logs.searcher import Searcher
from application.log_reader import (
    LogEntry,
    LogHistogram,
    LogPage,
    LogQuery,
    LogSummary,
    SourceFiles,
)


def limits(root: Path, *, page_seconds: float = 60.0, spool_limit: int = 1 << 30) -> Limits:
    return Limits(
        roots=(str(root),),
        spool=str(root.parent / "spool"),
        spool_limit=spool_limit,
        page_seconds=page_seconds,
        histogram_seconds=60.0,
    )


class LogDirectory:
    """Files below a root, read by a searcher in this process."""

    def __init__(
        self, root: Path, *, page_seconds: float = 60.0, spool_limit: int = 1 << 30
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self._searcher = Searcher(limits(root, page_seconds=page_seconds, spool_limit=spool_limit))

    def close(self) -> None:
        self._searcher.close()

    def source(self, *globs: str, **more: object) -> SourceFiles:
        paths = tuple(f"{self.root}/{each}" for each in globs or ("app.log",))
        return SourceFiles(name="app", paths=paths, **more)  # type: ignore[arg-type]

    def write(self, name: str, data: bytes | str) -> Path:
        path = self.root / name
        with path.open("ab") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def pack(self, name: str) -> Path:
        """Compress a file and remove it, as rotations do."""
        plain = self.root / name.removesuffix(".gz").removesuffix(".zst")
        data = plain.read_bytes()
        compress = gzip.compress if name.endswith(".gz") else zstandard.ZstdCompressor().compress
        (self.root / name).write_bytes(compress(data))
        plain.unlink()
        return self.root / name

    def rotate(self, name: str = "app.log") -> None:
        """Rename a file to `.1`, the older ones each one further."""
        number = 1
        while (self.root / f"{name}.{number}").exists():
            number += 1
        for each in range(number, 1, -1):
            (self.root / f"{name}.{each - 1}").rename(self.root / f"{name}.{each}")
        (self.root / name).rename(self.root / f"{name}.1")

    def copy_and_cut(self, name: str = "app.log") -> None:
        """Rotate by copying: the file keeps its inode."""
        data = (self.root / name).read_bytes()
        (self.root / f"{name}.new").write_bytes(data)
        number = 1
        while (self.root / f"{name}.{number}").exists():
            number += 1
        for each in range(number, 1, -1):
            (self.root / f"{name}.{each - 1}").rename(self.root / f"{name}.{each}")
        (self.root / f"{name}.new").rename(self.root / f"{name}.1")
        os.truncate(self.root / name, 0)

    def page(self, query: LogQuery = LogQuery(), source: SourceFiles | None = None) -> LogPage:  # noqa: B008
        reply = self._searcher.answer(FindPage(source=source or self.source(), query=query))
        if reply.refused:
            raise raised(reply.refused)
        assert reply.page is not None
        return reply.page

    def histogram(
        self, query: LogQuery, buckets: int = 60, source: SourceFiles | None = None
    ) -> LogHistogram:
        request = Count(source=source or self.source(), query=query, buckets=buckets)
        reply = self._searcher.answer(request)
        if reply.refused:
            raise raised(reply.refused)
        assert reply.histogram is not None
        return reply.histogram

    def summary(self, source: SourceFiles | None = None) -> LogSummary:
        reply = self._searcher.answer(Summarise(source=source or self.source()))
        if reply.refused:
            raise raised(reply.refused)
        assert reply.summary is not None
        return reply.summary

    def pages(self, query: LogQuery, source: SourceFiles | None = None) -> Iterator[LogPage]:
        """All pages, by `next`."""
        while True:
            page = self.page(query, source)
            yield page
            if page.next is None:
                return
            query = msgspec.structs.replace(query, cursor=page.next)

    def entries(self, query: LogQuery, source: SourceFiles | None = None) -> list[LogEntry]:
        return [entry for page in self.pages(query, source) for entry in page.entries]

    def raw(self, entry: LogEntry) -> bytes:
        """An entry's own bytes."""
        data = Path(entry.file).read_bytes()
        if entry.file.endswith(".gz"):
            data = gzip.decompress(data)
        elif entry.file.endswith(".zst"):
            data = zstandard.ZstdDecompressor().stream_reader(data).read()
        return data[entry.offset : entry.offset + entry.length]


def messages(entries: Sequence[LogEntry]) -> list[str]:
    return [entry.message for entry in entries]
