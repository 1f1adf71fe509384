"""The port that the API listens on: whether we can have it, asked before anything starts."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.settings import Settings
from adapters.startup import CannotStart


def check_port(settings: Settings) -> None:
    """Make sure that nobody listens there.

    Only an attempt to listen tells for sure: beside servers that share a port among their workers
    Linux lets others bind it.

    Raises:
        CannotStart: when somebody does, or the address is not ours.
    """
    with _bound(settings) as probe:
        try:
            probe.listen(1)
        except OSError as error:
            raise _taken(settings, error) from None


@contextmanager
def held_port(settings: Settings) -> Iterator[None]:
    """Check the port, and keep it from others while everything else starts.

    Raises:
        CannotStart: when somebody listens there, or the address is not ours.
    """
    check_port(settings)
    with _bound(settings):
        yield


def _bound(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    probe = socket.socket(family, socket.SOCK_STREAM)
    try:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((settings.host, settings.port))
    except OSError as error:
        probe.close()
        raise _taken(settings, error) from None
    return probe


def _taken(settings: Settings, error: OSError) -> CannotStart:
    return CannotStart(
        f"port {settings.port} on {settings.host} cannot be used ({error.strerror}): "
        "stop who listens there, or choose another with --port"
    )
