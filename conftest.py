"""Where the tests' servers come from, and what every test may ask for."""

import signal
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.services import Services, running

settings.register_profile(  # how fast a machine draws and runs says nothing about the product
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--services`."""
    parser.addoption(
        "--services",
        choices=("embedded", "containers", "external"),
        default="embedded",
        help="where Postgres and Redis come from: the wheels' servers (default), containers "
        "(postgres:18, redis:8), or DATABASE_URL and REDIS_URL",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Allow for what Python itself warns of, and for how the run was started."""
    # A shell without job control starts what runs in the background with SIGINT ignored, and
    # programs inherit that: the ones that tests start and interrupt would never end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # From Python 3.12 on, forking beside another thread warns; our children exec at once.
    config.addinivalue_line(
        "filterwarnings", "ignore:This process .* is multi-threaded:DeprecationWarning"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Deal tests out by module, and all features to one process, where they share a platform."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only where xdist is at work

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "features" if nodeid.startswith("features/") else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    """Servers of this pytest process, with fresh databases on demand."""
    with running(request.config.getoption("--services")) as services:
        yield services


@pytest.fixture(scope="session")
def postgres_url(services: Services) -> str:
    """A migrated database that this process's tests share; they use their own tenants."""
    return services.new_database()


@pytest.fixture
def database_url(services: Services) -> Iterator[str]:
    """A migrated database that only this test has."""
    url = services.new_database()
    yield url
    services.drop_database(url)


@pytest.fixture
def new_database(services: Services) -> Iterator[Callable[[], str]]:
    """Makes migrated databases for one test; for a wider scope use `services.new_database`."""
    made: list[str] = []

    def make() -> str:
        made.append(services.new_database())
        return made[-1]

    yield make
    for url in made:
        services.drop_database(url)


@pytest.fixture(scope="session")
def redis_url(services: Services) -> str:
    """A Redis that this process's tests share."""
    return services.redis_url
