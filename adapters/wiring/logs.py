"""How logs are wired."""

import adapters.http.logs
import projections.logs
from adapters.capability import Capability, Handlers
from adapters.services import Services
from application.bus import OneStream
from application.logs import RegisterLogSourceHandler, RemoveLogSourceHandler
from domain.logs import (
    LOG_READING,
    LOG_SOURCE,
    RecordLogReading,
    RegisterLogSource,
    RemoveLogSource,
    reading_id,
)


def _handlers(services: Services) -> Handlers:
    logs = services.logs
    return {
        RegisterLogSource: RegisterLogSourceHandler(logs.reader, logs.roots),
        RemoveLogSource: RemoveLogSourceHandler(),
        RecordLogReading: OneStream(
            LOG_READING, lambda command: reading_id(command.source, command.at)
        ),
    }


CAPABILITY = Capability(
    name="logs",
    deciders=(LOG_SOURCE, LOG_READING),
    handlers=_handlers,
    projections=(projections.logs.PROJECTION,),
    operations=adapters.http.logs.OPERATIONS,
)
