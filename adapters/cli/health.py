"""`annals health`: asks a running API whether it can serve; the containers' health check.

It runs every few seconds, so it loads nothing of the platform.
"""

import http.client
import json
from typing import Any

import click

from adapters.settings import SettingsError, load_settings

_PATH = "/health/ready"
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
"""Where an address to listen on is reached from this machine."""


@click.command
@click.option("--host", help="Where the API listens.  [default: HOST or 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: PORT or 8000]")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 300),
    default=5.0,
    show_default=True,
    help="Seconds to wait for the answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer with JSON.")
@click.pass_context
def health(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    timeout: float,
    as_json: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Exit with 0 when the API can serve, else tell what is missing and exit with 1."""
    try:
        settings = load_settings()
    except SettingsError as error:
        for fault in error.faults:
            click.echo(f"annals: {fault}", err=True)
        ctx.exit(2)
    place = host or _HERE.get(settings.host, settings.host)
    answer = ask(place, port or settings.port, timeout)
    if as_json:
        click.echo(json.dumps(answer))
    elif answer["status"] == "ready":
        click.echo("ready")
    else:
        for line in faults(answer):
            click.echo(f"annals: {line}", err=True)
    ctx.exit(0 if answer["status"] == "ready" else 1)


def ask(host: str, port: int, timeout: float) -> dict[str, Any]:
    """What the API says of itself: `status`, and `checks` by what was looked at."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", _PATH, headers={"Accept": "application/json"})
        response = connection.getresponse()
        told = json.loads(response.read())
    except (OSError, http.client.HTTPException) as error:
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return _unknown(f"http://{host}:{port} does not answer: {detail}")
    except ValueError:
        return _unknown(f"http://{host}:{port} is not Annals: {_PATH} gave no JSON")
    finally:
        connection.close()
    if not isinstance(told, dict) or not isinstance(told.get("status"), str):
        return _unknown(f"http://{host}:{port} is not Annals: {_PATH} gave other JSON")
    return told


def faults(answer: dict[str, Any]) -> list[str]:
    """What is wrong, a line for each thing."""
    checks = answer.get("checks")
    named = checks.items() if isinstance(checks, dict) else ()
    wrong = [f"{name}: {result}" for name, result in named if result != "ok"]
    return wrong or [str(answer["status"])]


def _unknown(text: str) -> dict[str, Any]:
    return {"status": "unreachable", "checks": {"api": text}}
