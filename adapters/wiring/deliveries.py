"""How deliveries are wired."""

import adapters.http.deliveries
import projections.deliveries
from adapters.capability import Capability
from application.deliveries import DELIVER, REACTION, Deliver, TryAgain, TryAgainHandler
from domain.deliveries import DELIVERY

CAPABILITY = Capability(
    name="deliveries",
    deciders=(DELIVERY,),
    handlers=lambda services: {TryAgain: TryAgainHandler(services.now)},
    projections=(projections.deliveries.PROJECTION,),
    reactions=(REACTION,),
    effects=lambda services: {DELIVER: Deliver(services.courier)},
    operations=adapters.http.deliveries.OPERATIONS,
)
