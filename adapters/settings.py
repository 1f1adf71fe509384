"""What an operator may decide, read once at start from the environment and a `.env` file.

Each field of `Settings` is one variable, its name in capitals. Everything that is wrong is told
at once, one line per variable, before anything is opened.
"""

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
from typing_extensions import override

from adapters.settings_values import (
    AllowedTarget,
    LogRoot,
    base_url,
    choice,
    duration,
    networks,
    networks_or_none,
    number,
    origins,
    overlapping,
    path,
    size,
    smtp_url,
    targets,
    tenant_directories,
    url,
)

SECRET = "secret"  # noqa: S105 - a mark, not a password


class Variable(msgspec.Struct, frozen=True):
    """How a variable is read, and what to tell a person whose value cannot be."""

    parse: Callable[[str], Any]
    expects: str
    secret: bool = False


def _read(parse: Callable[[str], Any], expects: str, *, secret: bool = False) -> msgspec.Meta:
    return msgspec.Meta(extra={"variable": Variable(parse, expects, secret)})


class SettingsError(Exception):
    """Some variables cannot be used; `faults` has one line for each."""

    def __init__(self, faults: list[str]) -> None:
        """List everything that is wrong."""
        super().__init__("\n".join(faults))
        self.faults = faults


_POSTGRES = _read(url("postgresql", "postgres"), "postgresql://user:password@host/db", secret=True)
_REDIS = _read(url("redis", "rediss", "unix"), "redis://:password@host:6379/0", secret=True)
_SMTP = _read(smtp_url, "smtp://user:password@host:587 or smtps://user:password@host", secret=True)
_PATH = _read(path, "a path")
_NETWORKS = tuple[IPv4Network | IPv6Network, ...]
_COUNT = _read(number(1, 64), "a whole number from 1 to 64")
_SIZE = _read(size, "a number and a unit (B, KB, MB, GB), such as 16MB")
_DURATION = _read(duration, "a number and a unit (ms, s, m, h, d), such as 12h")
_VERIFY = ("optional", "required")
_LEVELS = ("debug", "info", "warning", "error")
_FORMATS = ("auto", "console", "json")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's decisions. An empty URL means: use the embedded server."""

    database_url: Annotated[str, _POSTGRES] = ""
    redis_url: Annotated[str, _REDIS] = ""
    data_dir: Annotated[Path, _PATH] = Path(".annals")
    master_key_file: Annotated[Path, _PATH] = Path()
    owner_key_file: Annotated[Path, _PATH] = Path()
    metrics_dir: Annotated[Path, _PATH] = Path()
    alive_file: Annotated[Path, _PATH] = Path()
    cache_dir: Annotated[Path, _PATH] = Path()
    cache_size: Annotated[int, _SIZE] = 256 * 1024 * 1024
    backup_dir: Annotated[Path, _PATH] = Path()
    backup_url: Annotated[str, _read(url("s3"), "s3://bucket/prefix")] = ""

    host: Annotated[str, _read(str, "an address to listen on")] = "127.0.0.1"
    port: Annotated[int, _read(number(1, 65535), "a port from 1 to 65535")] = 8000
    api_workers: Annotated[int, _COUNT] = 1
    workers: Annotated[int, _COUNT] = 1
    worker_threads: Annotated[int, _COUNT] = 8
    drain_delay: Annotated[timedelta, _DURATION] = timedelta(milliseconds=250)

    egress_allow: Annotated[
        tuple[AllowedTarget, ...],
        _read(targets, "networks, each with a port if need be, such as 127.0.0.0/8:9000"),
    ] = ()
    trusted_proxies: Annotated[_NETWORKS, _read(networks, "networks, such as 10.0.0.0/8")] = ()
    metrics_networks: Annotated[
        _NETWORKS, _read(networks_or_none, "networks, such as 10.0.0.0/8, or none")
    ] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    cors_origins: Annotated[
        tuple[str, ...],
        _read(origins, "origins as browsers write them, such as https://app.example.org, or *"),
    ] = ()

    public_url: Annotated[
        str, _read(base_url, "the URL under which people reach this, such as https://example.org")
    ] = ""
    smtp_url: Annotated[str, _SMTP] = ""
    smtp_from: Annotated[str, _read(str, "an e-mail address")] = "annals@localhost"

    flag_usage_interval: Annotated[timedelta, _DURATION] = timedelta(seconds=10)

    accounts_verify: Annotated[str, _read(choice(*_VERIFY), f"one of {', '.join(_VERIFY)}")] = (
        "optional"
    )
    session_ttl: Annotated[timedelta, _DURATION] = timedelta(hours=12)
    session_idle: Annotated[timedelta, _DURATION] = timedelta(hours=1)
    argon2_memory_kib: Annotated[
        int, _read(number(8, 4_194_304), "kibibytes, from 8 to 4194304")
    ] = 19_456
    argon2_iterations: Annotated[int, _read(number(1, 100), "a whole number from 1 to 100")] = 2
    argon2_lanes: Annotated[int, _COUNT] = 1

    log_level: Annotated[str, _read(choice(*_LEVELS), f"one of {', '.join(_LEVELS)}")] = "info"
    log_format: Annotated[str, _read(choice(*_FORMATS), f"one of {', '.join(_FORMATS)}")] = "auto"
    log_dir: Annotated[Path, _PATH] = Path()
    log_file_size: Annotated[int, _SIZE] = 16 * 1024 * 1024
    log_file_count: Annotated[int, _COUNT] = 5
    log_roots: Annotated[
        tuple[LogRoot, ...],
        _read(tenant_directories, "absolute directories, such as /var/log,acme=/srv/acme/logs"),
    ] = ()

    @property
    def origin(self) -> str:
        """Where people reach this: `PUBLIC_URL`, or this machine while that is not set."""
        return self.public_url or f"http://localhost:{self.port}"

    @override
    def __repr__(self) -> str:
        """All fields, the secret ones hidden."""
        shown = (f"{name}={self._shown(name, variable)}" for name, variable in VARIABLES.items())
        return f"Settings({', '.join(shown)})"

    def _shown(self, name: str, variable: Variable) -> str:
        value = getattr(self, name)
        return "<hidden>" if variable.secret and value else repr(value)


def _variables() -> dict[str, Variable]:
    hints = get_type_hints(Settings, include_extras=True)
    return {
        name: next(meta.extra["variable"] for meta in hints[name].__metadata__)
        for name in Settings.__struct_fields__
    }


VARIABLES: Mapping[str, Variable] = _variables()
"""How each field of `Settings` is read, by the field's name."""


def load_settings(
    environment: Mapping[str, str] | None = None, env_file: Path = Path(".env")
) -> Settings:
    """Read the settings; a variable that is unset or empty keeps its default.

    The environment goes before the file. Paths come out absolute, and the key files and the
    metrics lie in the data directory unless they are named.

    Raises:
        SettingsError: naming every variable that cannot be used and what it should be.
    """
    given = _read_env_file(env_file) | dict(os.environ if environment is None else environment)
    values: dict[str, Any] = {}
    faults = []
    for name, variable in VARIABLES.items():
        text = given.get(name.upper(), "").strip()
        if not text:
            continue
        try:
            values[name] = variable.parse(text)
        except ValueError:
            shown = "" if variable.secret else f", not {text[:80]!r}"
            faults.append(f"{name.upper()} must be {variable.expects}{shown}")
    if faults:
        raise SettingsError(faults)
    settings = _with_places(Settings(**values))
    own = (settings.data_dir, settings.master_key_file, settings.owner_key_file)
    if overlaps := list(overlapping(settings.log_roots, own, settings.log_dir)):
        raise SettingsError([f"LOG_ROOTS must lie apart: {each}" for each in overlaps])
    return settings


def _with_places(settings: Settings) -> Settings:
    home = settings.data_dir.absolute()
    return msgspec.structs.replace(
        settings,
        data_dir=home,
        master_key_file=_absolute(settings.master_key_file, home / "master.key"),
        owner_key_file=_absolute(settings.owner_key_file, home / "owner.key"),
        metrics_dir=_absolute(settings.metrics_dir, home / "metrics"),
        log_dir=_absolute(settings.log_dir, home / "logs"),
        cache_dir=_absolute(settings.cache_dir, home / "cache"),
        backup_dir=_absolute(settings.backup_dir, home / "backups"),
    )


def _absolute(named: Path, default: Path) -> Path:
    return default if named == Path() else named.absolute()


def _read_env_file(env_file: Path) -> dict[str, str]:
    """`NAME=value` lines as Compose reads them: what follows a `#` after a space is a comment."""
    try:
        lines = env_file.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{env_file} cannot be read: {error}"]) from error
    values = {}
    faults = []
    for count, line in enumerate(lines, start=1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            faults.append(f"{env_file} line {count} must be NAME=value or a # comment")
        values[name.strip()] = _plain(value)
    if faults:
        raise SettingsError(faults)
    return values


def _plain(value: str) -> str:
    quoted = re.fullmatch(r"\s*(['\"])(.*?)\1\s*(?:\s#.*)?", value)
    return quoted[2] if quoted else re.split(r"\s#", value, maxsplit=1)[0].strip()
