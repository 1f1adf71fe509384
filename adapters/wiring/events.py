"""How events are wired."""

import adapters.http.events
from adapters.capability import Capability

CAPABILITY = Capability(name="events", operations=adapters.http.events.OPERATIONS)
