"""What a delivery is, and why a command on it may be refused."""

from datetime import datetime

import msgspec

from domain.channels import Route
from domain.deliveries.events import DeliveryQueued
from domain.rejections import Conflict, NotFound
from domain.retries import RetryPolicy


class NoDelivery(msgspec.Struct, frozen=True):
    """Nothing was queued."""


QUEUED, RUNNING, RETRYING = "queued", "running", "retrying"
SUCCEEDED, DEAD = "succeeded", "dead"
PENDING = (QUEUED, RUNNING, RETRYING)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery; `attempts` counts over its whole life, `spent` since it was last queued."""

    queued: DeliveryQueued
    route: Route
    retry: RetryPolicy
    state: str = QUEUED
    round: int = 1
    attempts: int = 0
    spent: int = 0
    retry_at: datetime | None = None
    error: str | None = None


class NoSuchDelivery(NotFound):
    """Nothing was delivered under this id, or nothing that the caller may see."""

    slug = "no-such-delivery"
    title = "There is no such delivery"


class DeliveryIdTaken(Conflict):
    """The new delivery's id is in use."""

    slug = "delivery-id-taken"
    title = "This delivery exists"


class DeliveryNotDead(Conflict):
    """Only a dead letter can be queued again."""

    slug = "delivery-not-dead"
    title = "This delivery is not a dead letter"
