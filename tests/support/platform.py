"""A running platform: `annals up` as a user starts it, in a process tree of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from features.driver import TLS, Annals

_START = 180.0  # seconds until a platform that is not ready counts as broken
_STOP = 20.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """One `annals` command with what it says on stderr kept in a file."""

    def __init__(self, *arguments: str, log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        self._out = log.open("ab")
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "adapters.cli", *arguments],
            env={**_clean(os.environ), **env},
            stdout=self._out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_ready(self, url: str) -> None:
        """Wait until the platform at `url` says that it is ready."""
        deadline = time.monotonic() + _START
        with httpx.Client(trust_env=False, verify=TLS) as http:
            while time.monotonic() < deadline:
                if self.popen.poll() is not None:
                    raise AssertionError(f"ended with {self.popen.returncode}:\n{self.said()}")
                with contextlib.suppress(httpx.TransportError):
                    if http.get(url + "/health/ready").status_code == 200:
                        return
                time.sleep(0.05)
        raise AssertionError(f"not ready after {_START} s:\n{self.said()}")

    def wait_said(self, text: str) -> str:
        """Wait until it has said this; all that it has said."""
        deadline = time.monotonic() + _START
        while text not in (said := self.said()):
            assert time.monotonic() < deadline, f"{text!r} was never said:\n{said}"
            time.sleep(0.05)
        return said

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-6000:]

    def stop(self) -> int:
        """Ask it to stop, as Ctrl-C does; its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
        try:
            code = self.popen.wait(_STOP)
        finally:
            self.kill()
            self.close()
        return code

    def close(self) -> None:
        self._out.close()

    def kill(self) -> None:
        """kill -9 the whole tree, if anything of it is left."""
        tree = []
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.popen.pid)
            tree = [process, *process.children(recursive=True)]
        for each in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        self.popen.wait(_STOP)
        psutil.wait_procs(tree, timeout=_STOP)


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what a developer's shell may say about the platform."""
    ours = {"DATABASE_URL", "REDIS_URL", "DATA_DIR", "EGRESS_ALLOW", "PORT", "HOST", "LOG_ROOTS"}
    return {name: value for name, value in environment.items() if name not in ours}


def _words(process: psutil.Process) -> list[str]:
    """What a process says that it is; nothing once it has ended."""
    try:
        return " ".join(process.cmdline()).split()
    except psutil.NoSuchProcess:
        return []


class Platform:
    """`annals up` on a data directory, with the services it is given (or its own)."""

    def __init__(self, data_dir: Path, **env: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_root = data_dir.parent / f"{data_dir.name}-logs"
        """A directory whose files may be read as logs."""
        self.env = {
            "EGRESS_ALLOW": "127.0.0.0/8",
            "LOG_FORMAT": "json",
            "LOG_ROOTS": str(self.log_root),
            **env,
        }
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self.process: Process | None = None

    def start(self) -> None:
        if self.process is not None:
            self.process.close()
        arguments = ["up", "--data-dir", str(self.data_dir), "--port", str(self.port)]
        self.process = Process(*arguments, log=self.log, env=self.env)
        self.process.wait_ready(self.url)

    def stop(self) -> int:
        assert self.process is not None
        return self.process.stop()

    def kill(self) -> None:
        """kill -9 everything at once."""
        assert self.process is not None
        self.process.kill()

    def children(self, name: str = "") -> list[psutil.Process]:
        """The processes that it runs, or those of one name (`worker`)."""
        assert self.process is not None
        tree = psutil.Process(self.process.popen.pid).children(recursive=True)
        return [each for each in tree if not name or name in _words(each)]

    def also(self, *arguments: str, **env: str) -> Process:
        """One more process of this platform, started alone."""
        log = self.data_dir.parent / f"{self.data_dir.name}-{arguments[0]}.log"
        return Process(*arguments, log=log, env={**self.env, "DATA_DIR": str(self.data_dir), **env})

    def driver(self, url: str = "", address: str | None = None) -> Annals:
        key = (self.data_dir / "owner.key").read_text().strip()
        return Annals(url or self.url, key, address)
