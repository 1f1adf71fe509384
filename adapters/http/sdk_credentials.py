"""Credentials as the SDKs of other flag systems send them, and the environment that they name.

Unleash's clients send `Authorization: <token>` without a scheme, and its tokens name project and
environment in front: `*:production.<secret>`. OFREP's providers may send `X-API-Key`. The secret
is one of our keys or session tokens in each of these.
"""

from application.flags import DEFAULT_ENVIRONMENT


def credential(headers: dict[bytes, bytes]) -> bytes | None:
    """What a client presents, with neither scheme nor environment; None where that is nothing."""
    given = _given(headers)
    return None if given is None else _split(given)[1]


def environment_of(headers: dict[bytes, bytes]) -> str:
    """The environment that the credential names, else the default one."""
    given = _given(headers)
    named = "" if given is None else _split(given)[0]
    return named or DEFAULT_ENVIRONMENT


def _given(headers: dict[bytes, bytes]) -> bytes | None:
    authorization = headers.get(b"authorization")
    if authorization is None:
        return headers.get(b"x-api-key")
    scheme, space, rest = authorization.partition(b" ")
    if not space:
        return authorization
    return rest.strip() if scheme.lower() == b"bearer" else None


def _split(given: bytes) -> tuple[str, bytes]:
    """The environment (empty without one) and the secret."""
    scope, dot, secret = given.partition(b".")
    _, colon, environment = scope.partition(b":")
    if not dot or not colon:
        return "", given
    return environment.decode("latin-1"), secret
