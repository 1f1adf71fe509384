"""When everything happens."""

from datetime import UTC, datetime

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
