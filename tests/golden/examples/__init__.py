"""One event of each type, as `tests/golden/events.jsonl` has it."""

from domain.decider import Event
from tests.golden.examples.access import EVENTS as ACCESS
from tests.golden.examples.accounts import EVENTS as ACCOUNTS
from tests.golden.examples.backups import EVENTS as BACKUPS
from tests.golden.examples.experiments import EVENTS as EXPERIMENTS
from tests.golden.examples.flags import EVENTS as FLAGS
from tests.golden.examples.platform import EVENTS as PLATFORM
from tests.golden.examples.reminders import EVENTS as REMINDERS
from tests.golden.examples.webhooks import EVENTS as WEBHOOKS

EXAMPLES: list[Event] = [
    *ACCOUNTS,
    *ACCESS,
    *FLAGS,
    *EXPERIMENTS,
    *REMINDERS,
    *WEBHOOKS,
    *BACKUPS,
    *PLATFORM,
]
