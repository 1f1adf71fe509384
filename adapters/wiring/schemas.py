"""How schemas are wired."""

import adapters.http.schema_trials
import adapters.http.schemas
import adapters.http.validation
import projections.schemas
from adapters.capability import Capability
from application.schemas import PublishSchemaHandler
from domain.schemas import SCHEMA, PublishSchema

CAPABILITY = Capability(
    name="schemas",
    deciders=(SCHEMA,),
    handlers=lambda services: {PublishSchema: PublishSchemaHandler(services.schemas)},
    projections=(projections.schemas.PROJECTION,),
    operations=(
        *adapters.http.schemas.OPERATIONS,
        *adapters.http.validation.OPERATIONS,
        *adapters.http.schema_trials.OPERATIONS,
    ),
)
