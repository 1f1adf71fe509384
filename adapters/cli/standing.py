"""The database of a platform that is stopped, started for as long as a command needs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from adapters.cli.opening import located
from adapters.cli.output import Output
from adapters.embedded.homes import make_home
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.connect import close, connect
from adapters.settings import Settings
from adapters.supervisor.lock import locked
from adapters.supervisor.supervisor import Supervisor
from application.event_store import Outage

_GRACE = 9.0  # seconds for the server's end


@asynccontextmanager
async def standing(settings: Settings, output: Output) -> AsyncIterator[Settings]:
    """The settings with a database that answers: the data directory's own is started if need be.

    Raises:
        CannotStart: when there is none, or it does not start.
        Outage: when one that DATABASE_URL names does not answer.
    """
    found = located(settings)
    if settings.database_url or await _answers(found.database_url):
        yield found
        return
    data_dir = settings.data_dir.resolve()
    with locked(data_dir):
        server = EmbeddedPostgres(make_home(data_dir), data_dir)
        supervisor = Supervisor(lambda _name, _line: None)
        output.note("The platform is stopped: its database is started for this command.")
        try:
            await supervisor.start([server.program()])
            yield msgspec.structs.replace(found, database_url=server.url())
        finally:
            await supervisor.stop(_GRACE)


async def _answers(url: str) -> bool:
    try:
        connection = await connect(url, role=None, name="annals cli")
    except Outage:
        return False
    await close(connection)
    return True
