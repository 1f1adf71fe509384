"""API keys of any tenant, made without a person who makes them."""

from collections.abc import Iterable
from uuid import uuid4

from adapters.crypto.tokens import make_api_key
from application.context import Context
from application.unit import Unit
from domain.access import BUILT_IN
from domain.api_keys import API_KEY, INSTALLATION_HOLDER, IssueApiKey
from tests.support.http_platform import Api


async def key_of(api: Api, tenant: str, role: str = "admin") -> str:
    """A key of a tenant's that may do what a role may; nothing, where there is none such."""
    return await key_with(api, BUILT_IN.get(role, ()), tenant)


async def key_with(api: Api, scopes: Iterable[str], tenant: str = "default") -> str:
    """A key of the installation's that opens this and nothing else."""
    key = make_api_key(uuid4())
    issue = IssueApiKey(
        name="t",
        holder=INSTALLATION_HOLDER,
        tenant=tenant,
        scopes=tuple(scopes),
        secret_hash=key.hash,
        at=api.platform.now(),
    )

    async def decide(unit: Unit) -> None:
        unit.begin(API_KEY, str(key.id), issue)

    await api.platform.pipeline.run(decide, Context(correlation_id=uuid4(), deadline=1e12))
    return key.text
