"""A searcher: a process that reads log files for another, one request at a time.

    python -m adapters.logs.searcher LIMITS

Searching is work for the processor, which in the API's own process would hold up every other
request; here it also has an end that its parent can set at any moment. Requests come over
stdin, answers go to stdout. When stdin ends the parent has no more use for it, or died: then it
ends at once, in the middle of whatever it does.
"""

import os
import queue
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, assert_never

import msgspec

from adapters.logs.contents import Spool
from adapters.logs.finding import Finder
from adapters.logs.histograms import histogram
from adapters.logs.members import Member, Streams, opened_streams
from adapters.logs.pages import page
from adapters.logs.requests import (
    LENGTH,
    REFUSALS,
    Count,
    FindPage,
    Limits,
    Reply,
    Request,
    Summarise,
    refused,
)
from adapters.logs.stamps import moment
from application.log_reader import LogFile, LogSummary


class Searcher:
    """Answers requests."""

    def __init__(self, limits: Limits) -> None:
        """Read below the roots, within the limits."""
        self._limits = limits
        self._finder = Finder([Path(root) for root in limits.roots])
        self._spool = Spool(Path(limits.spool), limits.spool_limit)

    def answer(self, request: Request) -> Reply:
        """Do what is asked."""
        try:
            with opened_streams(self._finder, request.source, self._spool) as streams:
                return self._answered(request, streams)
        except REFUSALS as reason:
            return refused(reason)

    def close(self) -> None:
        """Give back what was unpacked."""
        self._spool.close()

    def _answered(self, request: Request, streams: Streams) -> Reply:
        slack = request.source.slack
        match request:
            case Summarise(source=source):
                return Reply(summary=summary(source.name, streams))
            case FindPage(query=query):
                return Reply(page=page(streams, query, slack, self._limits.page_seconds))
            case Count(query=query, buckets=buckets):
                seconds = self._limits.histogram_seconds
                return Reply(histogram=histogram(streams, query, slack, buckets, seconds))
            case _:
                assert_never(request)


def summary(name: str, streams: Streams) -> LogSummary:
    """What a source has; nothing is unpacked for it."""
    members = streams.members
    formats = {member.format.name for member in members if member.file.size}
    firsts = [each.first_time for each in members]
    lasts = [each.last_time for each in members]
    since = min((each for each in firsts if each is not None), default=None)
    until = max((each for each in lasts if each is not None), default=None)
    return LogSummary(
        name=name,
        format="mixed" if len(formats) > 1 else next(iter(formats), None),
        files=len(members),
        bytes=sum(member.file.size for member in members),
        since=None if since is None else moment(since),
        until=None if until is None else moment(until),
        unreadable=streams.unreadable,
        of=tuple(_described(member) for member in members),
    )


def _described(member: Member) -> LogFile:
    return LogFile(
        name=member.file.path,
        format=member.format.name,
        compression=member.compression,
        bytes=member.file.size,
        modified_at=datetime.fromtimestamp(member.file.modified_ns / 1e9, UTC),
    )


def _received(stream: BinaryIO, requests: "queue.SimpleQueue[bytes]") -> None:
    """Take requests in beside the work, to see at once when the parent is gone."""
    while True:
        head = stream.read(LENGTH.size)
        body = stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""
        if not body:
            os._exit(0)
        requests.put(body)


def main() -> None:
    """Answer until stdin ends."""
    searcher = Searcher(msgspec.json.decode(sys.argv[1], type=Limits))
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    decoder = msgspec.json.Decoder(Request)
    threading.Thread(target=_received, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        reply = msgspec.json.encode(searcher.answer(decoder.decode(requests.get())))
        sys.stdout.buffer.write(LENGTH.pack(len(reply)) + reply)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's, which is meant for the parent
    main()
