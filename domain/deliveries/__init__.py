"""Deliveries: one occurrence of a reminder on its way to somebody, until it arrives or dies.

A delivery is complete in itself: it says what was to be said when the reminder fired, whatever
becomes of that afterwards. Only where it goes is asked anew when a person queues a dead one again,
so that a wrong address can be mended first.
"""

from domain.deliveries.commands import (
    FailDelivery,
    QueueDelivery,
    RequeueDelivery,
    StartDelivery,
    SucceedDelivery,
)
from domain.deliveries.decider import DELIVERY
from domain.deliveries.events import (
    DeliveryAttemptFailed,
    DeliveryDied,
    DeliveryEvent,
    DeliveryQueued,
    DeliveryRequeued,
    DeliveryStarted,
    DeliverySucceeded,
)
from domain.deliveries.state import (
    DEAD,
    PENDING,
    QUEUED,
    RETRYING,
    RUNNING,
    SUCCEEDED,
    Delivery,
    DeliveryIdTaken,
    DeliveryNotDead,
    NoDelivery,
    NoSuchDelivery,
)

__all__ = [
    "DEAD",
    "DELIVERY",
    "PENDING",
    "QUEUED",
    "RETRYING",
    "RUNNING",
    "SUCCEEDED",
    "Delivery",
    "DeliveryAttemptFailed",
    "DeliveryDied",
    "DeliveryEvent",
    "DeliveryIdTaken",
    "DeliveryNotDead",
    "DeliveryQueued",
    "DeliveryRequeued",
    "DeliveryStarted",
    "DeliverySucceeded",
    "FailDelivery",
    "NoDelivery",
    "NoSuchDelivery",
    "QueueDelivery",
    "RequeueDelivery",
    "StartDelivery",
    "SucceedDelivery",
]
