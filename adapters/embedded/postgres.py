"""Postgres 18 as a program of ours: made once, recovered before each start, asked for real."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from adapters.embedded.binaries import postgres_binaries
from adapters.embedded.homes import Home
from adapters.embedded.leftovers import end_leftovers
from adapters.embedded.passwords import password
from adapters.private_files import write_private
from adapters.startup import CannotStart
from adapters.supervisor.program import Program

NAME = "annals"
"""The superuser and the database."""

OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # a detail may quote what a person typed
    "log_min_error_statement": "panic",
}
"""What differs from Postgres' own defaults; durability is as Postgres ships it."""

_INITDB = (
    f"--username={NAME}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)
_FAST_SHUTDOWN = signal.SIGINT
_ANSWER_WITHIN = 5.0


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A cluster in a home, its password beside it in `<data-dir>/postgres.password`."""

    home: Home
    secrets: Path
    options: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def binaries(self) -> Path:
        """The directory of `postgres` and `initdb`."""
        return postgres_binaries(self.home.user)

    @property
    def cluster(self) -> Path:
        """The directory that Postgres calls its data directory."""
        return self.home.data / "postgres"

    @cached_property
    def password(self) -> str:
        """The superuser's password."""
        made = (self.cluster / "PG_VERSION").exists()
        return password(self.secrets / "postgres.password", create=not made)

    def url(self, database: str = NAME) -> str:
        """Where a client connects to."""
        return (
            f"postgresql://{NAME}:{self.password}@/{database}?host={quote(str(self.home.sockets))}"
        )

    def program(self) -> Program:
        """How to run it. SIGINT is Postgres' fast shutdown: it waits for no client.

        Raises:
            CannotStart: when the wheel has no binaries for this machine.
        """
        options = {**OPTIONS, "unix_socket_directories": str(self.home.sockets), **self.options}
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=(str(self.binaries / "postgres"), "-D", str(self.cluster), *arguments),
            directory=self.home.data,
            environment=_environment(),
            user=self.home.user,
            stop=_FAST_SHUTDOWN,
            must_start=True,
            unheeded=("the database system is starting up",),  # what `answers` hears at first
            prepare=self.prepare,
            answers=self.answers,
        )

    async def prepare(self) -> None:
        """Make the cluster where it is missing; clear what a killed server left of itself.

        Raises:
            CannotStart: when the cluster cannot be made or is another version's.
        """
        uid = os.geteuid() if self.home.user is None else self.home.user.uid
        await end_leftovers(self.binaries / "postgres", self.cluster, uid)
        if (self.cluster / "PG_VERSION").exists():
            self._check_version()
        else:
            await asyncio.to_thread(self._initialise)
        # Nobody is left that these could belong to, so whoever has their pid now is a stranger.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        for stale in self.home.sockets.glob(".s.PGSQL.*"):
            stale.unlink(missing_ok=True)

    async def answers(self) -> bool:
        """Whether a client can sign in and query; makes our database the first time.

        Raises:
            CannotStart: when the password is not the cluster's.
        """
        try:
            await self._make_database()
        except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
            raise CannotStart(
                f"the password in {self.secrets / 'postgres.password'} is not the database's"
            ) from None
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def _make_database(self) -> None:
        connection: Any = await asyncpg.connect(self.url("postgres"), timeout=_ANSWER_WITHIN)
        try:
            known = "SELECT count(*) FROM pg_database WHERE datname = $1"
            if not await connection.fetchval(known, NAME, timeout=_ANSWER_WITHIN):
                await connection.execute(f"CREATE DATABASE {NAME}")
        finally:
            await connection.close(timeout=_ANSWER_WITHIN)

    def _check_version(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        told = subprocess.run(  # noqa: S603 - the wheel's program
            [self.binaries / "postgres", "--version"], check=True, capture_output=True, text=True
        ).stdout
        ours = re.search(r"(\d+)", told)
        if ours is None or found != ours[1]:
            raise CannotStart(
                f"{self.cluster} is Postgres {found}'s and this is {told.strip()}: dump it with "
                "the old version and restore it into a new data directory"
            )

    def _initialise(self) -> None:
        """`initdb` beside the place and a rename: killed half-way, it leaves no half cluster."""
        draft = self.home.data / "postgres.new"
        word = self.home.data / "postgres.initial"
        shutil.rmtree(draft, ignore_errors=True)
        write_private(word, self.password)
        self.home.claim(word, 0o600)
        identity: dict[str, Any] = {}
        if (user := self.home.user) is not None:
            identity = {"user": user.uid, "group": user.gid, "extra_groups": []}
        try:
            made = subprocess.run(  # noqa: S603 - the wheel's program
                [self.binaries / "initdb", "-D", draft, f"--pwfile={word}", *_INITDB],
                cwd=self.home.data,
                env=_environment(),
                capture_output=True,
                text=True,
                check=False,
                **identity,
            )
        finally:
            word.unlink(missing_ok=True)
        if made.returncode:
            reason = " ".join(made.stderr.split())[-300:]
            raise CannotStart(f"the database cannot be made in {self.home.data}: {reason}")
        draft.rename(self.cluster)


def _environment() -> dict[str, str]:
    """Nothing of ours: no PG* variable of the user's may lead a server astray."""
    return {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
