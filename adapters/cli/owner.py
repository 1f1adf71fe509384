"""`annals owner`: the key that may do everything."""

import click

from adapters.cli.opening import open_log
from adapters.cli.running import Invocation, actor, runs
from adapters.owner import seat_owner


@click.group
def owner() -> None:
    """See after the owner's key."""


@owner.command
@runs
async def rotate(invocation: Invocation) -> None:
    """Make a new key for the owner, in OWNER_KEY_FILE; the old one opens nothing any more."""
    async with open_log(invocation) as log:
        seated = await seat_owner(log, rotate=True, actor=actor())
        file = log.settings.owner_key_file
    if invocation.output.as_json:
        invocation.output.document({"key": seated.key, "file": str(file)})
    else:
        invocation.output.text("The owner's new key is in", file)
