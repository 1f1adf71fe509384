"""The embedded servers of a data directory: which of them are needed, and where they answer."""

from pathlib import Path

import msgspec

from adapters.embedded.homes import Home, make_home
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.valkey import EmbeddedValkey
from adapters.settings import Settings
from adapters.supervisor.program import Program


def embedded_programs(settings: Settings) -> tuple[list[Program], Settings]:
    """The servers to run where no URL is set, and the settings with their URLs filled in.

    Raises:
        CannotStart: when this machine cannot run them.
    """
    programs: list[Program] = []
    if settings.database_url and settings.redis_url:
        return programs, settings
    home = make_home(settings.data_dir)
    if not settings.database_url:
        postgres = EmbeddedPostgres(home, settings.data_dir)
        programs.append(postgres.program())
        settings = msgspec.structs.replace(settings, database_url=postgres.url())
    if not settings.redis_url:
        valkey = EmbeddedValkey(home, settings.data_dir)
        programs.append(valkey.program())
        settings = msgspec.structs.replace(settings, redis_url=valkey.url())
    return programs, settings


def with_embedded_urls(settings: Settings) -> Settings:
    """The settings with the URLs of servers that `annals up` runs in the data directory.

    For commands beside a running platform. A URL stays empty where there is no such server.

    Raises:
        CannotStart: when its password may not be read.
    """
    data_dir = settings.data_dir.resolve()
    if not (data_dir / "servers").exists():
        return settings
    home = _existing_home(data_dir)
    if not settings.database_url and (data_dir / "postgres.password").exists():
        postgres = EmbeddedPostgres(home, data_dir)
        settings = msgspec.structs.replace(settings, database_url=postgres.url())
    if not settings.redis_url and (data_dir / "valkey.password").exists():
        settings = msgspec.structs.replace(settings, redis_url=EmbeddedValkey(home, data_dir).url())
    return settings


def _existing_home(data_dir: Path) -> Home:
    far = data_dir / "sockets"
    data = (data_dir / "servers").resolve()
    return Home(data=data, sockets=far.resolve() if far.is_symlink() else data / "run", user=None)
