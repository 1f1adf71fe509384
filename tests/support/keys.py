"""API keys of other tenants, for whoever tests that tenants do not meet."""

from typing import Any
from uuid import UUID, uuid4

from adapters.crypto.tokens import hash_token
from application.context import Context
from domain.access import BUILT_IN
from domain.api_keys import API_KEY, INSTALLATION_HOLDER, IssueApiKey
from tests.support.http_platform import Api


async def key_of(api: Api, tenant: str, role: str = "admin") -> str:
    """A key of another tenant's."""
    id_ = uuid4()
    key = f"annals_{id_.hex}_{'k' * 43}"
    at = api.platform.now()
    issue = IssueApiKey(
        name="t",
        holder=INSTALLATION_HOLDER,
        tenant=tenant,
        scopes=tuple(BUILT_IN.get(role, ())),
        secret_hash=hash_token(key),
        at=at,
    )

    async def decide(unit: Any) -> None:
        await unit.decide(API_KEY, str(id_), issue)

    await api.platform.pipeline.run(decide, Context(correlation_id=UUID(int=1), deadline=1e12))
    return key
