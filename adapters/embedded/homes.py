"""Where the embedded servers may live, and as whom they run.

An ordinary user runs them as itself, in `<data-dir>/servers`. Postgres refuses to run as root,
so root runs both as an unprivileged account. Where that account cannot reach the data directory
(a clone below a directory that only root may enter), `servers` becomes a symbolic link to a
directory of our own below `/var/lib/annals`: no mode of anybody else's directory is changed.
"""

import os
import pwd
import secrets
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from adapters.startup import CannotStart
from adapters.supervisor.program import User

UNPRIVILEGED = "nobody"
OUTSIDE = Path("/var/lib/annals")

_SOCKET = ".s.PGSQL.5432"  # the longest name that a socket of ours has
_LONGEST_SOCKET = 103  # bytes of a path: Linux takes 107, macOS 103
_PRIVATE = 0o700
_PASSABLE = 0o711


@dataclass(frozen=True, kw_only=True)
class Home:
    """Directories that belong to the servers' account; `user` None is our own account."""

    data: Path
    sockets: Path
    user: User | None

    def claim(self, path: Path, mode: int) -> None:
        """Give something that we have just made to the servers' account."""
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid)
        path.chmod(mode)


def make_data_dir(data_dir: Path) -> Path:
    """The data directory, made where it is missing; its real path.

    Raises:
        CannotStart: when it cannot be made or written to.
    """
    try:
        if not data_dir.is_dir():
            data_dir.mkdir(parents=True)
            data_dir.chmod(_PASSABLE if os.geteuid() == 0 else _PRIVATE)
        with tempfile.TemporaryFile(dir=data_dir):
            return data_dir.resolve()
    except OSError as error:
        reason = error.strerror or error
        raise CannotStart(f"the data directory {data_dir} cannot be written to: {reason}") from None


def make_home(data_dir: Path) -> Home:
    """The servers' home of a data directory that `make_data_dir` gave, made where it is missing.

    Raises:
        CannotStart: when there is no place or no account for them.
    """
    user = _unprivileged() if os.geteuid() == 0 else None
    try:
        data = _servers(data_dir, user)
        return Home(data=data, sockets=_sockets(data_dir, data, user), user=user)
    except OSError as error:
        raise CannotStart(f"the embedded servers have no place to live: {error}") from None


def _unprivileged() -> User:
    try:
        account = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise CannotStart(
            f"Postgres does not run as root, and there is no account {UNPRIVILEGED!r} to run it "
            "as: start as an ordinary user, or set DATABASE_URL and REDIS_URL"
        ) from None
    return User(name=UNPRIVILEGED, uid=account.pw_uid, gid=account.pw_gid)


def _servers(data_dir: Path, user: User | None) -> Path:
    servers = data_dir / "servers"
    if servers.is_symlink() and not servers.exists():
        raise CannotStart(
            f"{servers} leads to {servers.readlink()}, which is gone: restore it from a backup, "
            f"or remove {data_dir} to begin anew"
        )
    if not servers.exists():
        if user is None or can_enter(data_dir, user):
            _make(servers, user)
        else:
            servers.symlink_to(_make_outside(data_dir, user))
    found = servers.resolve()
    if user is not None and not can_enter(found, user):
        raise CannotStart(
            f"{found} cannot be entered as {user.name}: open a directory above it, "
            f"or move it below {OUTSIDE} and leave a symbolic link"
        )
    return found


def _make(path: Path, user: User | None) -> Path:
    path.mkdir(mode=_PRIVATE)
    if user is not None:
        os.chown(path, user.uid, user.gid)
    return path


def _make_outside(data_dir: Path, user: User) -> Path:
    """A new directory that no other data directory shares; it names the one that it is for."""
    made = make_outside() / secrets.token_hex(8)
    made.mkdir(mode=_PRIVATE)
    (made / "data-dir").write_text(f"{data_dir}\n", encoding="utf-8")
    os.chown(made, user.uid, user.gid)
    return made


def make_outside() -> Path:
    """Our directory outside of any data directory, which everybody may pass through."""
    try:
        OUTSIDE.mkdir()
    except FileExistsError:
        return OUTSIDE
    OUTSIDE.chmod(_PASSABLE)
    return OUTSIDE


def can_enter(path: Path, user: User) -> bool:
    """Whether this account can really change into a directory (modes, ACLs and all)."""
    asked = subprocess.run(  # noqa: S603 - our own words
        ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(path)],
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        cwd="/",
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return asked.returncode == 0


def _sockets(data_dir: Path, data: Path, user: User | None) -> Path:
    """A private directory whose path is short enough for a socket's address."""
    near = data / "run"
    if _fits(near):
        if not near.is_dir():
            _make(near, user)
        return near
    link = data_dir / "sockets"
    if link.is_symlink():
        found = link.resolve()
        if found.is_dir() and found.stat().st_uid == (user.uid if user else os.geteuid()):
            return found
        link.unlink()
    made = Path(tempfile.mkdtemp(prefix="annals-", dir=_short_directory()))
    if user is not None:
        os.chown(made, user.uid, user.gid)
    link.symlink_to(made)
    return made


def _short_directory() -> Path:
    usual = Path(tempfile.gettempdir())
    return usual if _fits(usual / "annals-12345678") else Path("/tmp")  # noqa: S108 - mkdtemp makes a private one


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / _SOCKET)) <= _LONGEST_SOCKET
