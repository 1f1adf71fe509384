"""The tokens of invitations: they name the tenant, for who accepts one is not in it yet."""

import re
from uuid import UUID

import msgspec

from adapters.crypto.tokens import SECRET, hash_token, made_token, new_secret
from application.one_time_tokens import NewToken

_TOKEN = re.compile("inv_([A-Za-z0-9][A-Za-z0-9.~-]{0,99})_([0-9a-f]{32})_" + SECRET)


class NamedInvitation(msgspec.Struct, frozen=True):
    """Which invitation a token is for, and what would be kept of it."""

    tenant: str
    id: UUID
    hash: str


def make_invitation_token(tenant: str, id_: UUID) -> NewToken:
    """`inv_<tenant>_<id>_<secret>`."""
    return made_token(f"inv_{tenant}_{id_.hex}_{new_secret()}")


def parse_invitation_token(text: str) -> NamedInvitation | None:
    """What a token is for; None when it is no such token."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    return NamedInvitation(match[1], UUID(hex=match[2]), hash_token(text))
