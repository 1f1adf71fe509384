"""A server that speaks S3, with an empty bucket."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from moto.server import ThreadedMotoServer

BUCKET = "backups"


@contextmanager
def bucket_server() -> Iterator[str]:
    """Its address; whatever the credentials are, it takes them."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        httpx.put(f"{address}/{BUCKET}", trust_env=False).raise_for_status()
        yield address
    finally:
        server.stop()
