"""The circumstances of a command, where a test does not care."""

import asyncio
from typing import Any
from uuid import uuid4

from application.context import Context


def at(**change: Any) -> Context:
    now = asyncio.get_running_loop().time()
    return Context(**{"correlation_id": uuid4(), "deadline": now + 30, **change})
