"""Memberships, roles and the lists of an account's tenants say the same, whatever happens."""

import asyncio
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from application.context import Context
from application.memberships import admit, dismiss, holder_of
from domain.memberships import MEMBERSHIP, Membership
from domain.rejections import Rejection
from domain.roles import ROLE, DefineRole
from domain.tenants import ACCOUNT_TENANTS
from tests.support.http_platform import MemoryPlatform

ACCOUNTS = ("a", "b", "c")
ROLES = ("owner", "member", "releaser")

STEPS = st.lists(
    st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from((*ROLES, "out"))), min_size=1, max_size=12
)


async def decided(platform: MemoryPlatform, decide: Any) -> None:
    context = Context(tenant="acme", correlation_id=uuid4(), deadline=1e12)
    await platform.pipeline.run(decide, context)


async def state(platform: MemoryPlatform, account: str, role: str) -> None:
    """Let an account in, give it another role, or take it out."""

    async def decide(unit: Any) -> None:
        if role == "out":
            await dismiss(unit, account, "left", platform.now())
        else:
            await admit(unit, account, role, platform.now())

    await decided(platform, decide)


async def walk(steps: list[tuple[str, str]]) -> None:
    platform, had_owner = MemoryPlatform(), False

    async def define(unit: Any) -> None:
        await unit.decide(ROLE, "releaser", DefineRole(permissions=(), at=platform.now()))

    await decided(platform, define)
    for account, role in steps:
        try:
            await state(platform, account, role)
        except Rejection:
            continue
        has: dict[str, str] = {}
        for each in ACCOUNTS:
            membership = await platform.current.get(MEMBERSHIP, each, "acme")
            noted = await platform.current.get(ACCOUNT_TENANTS, each)
            assert isinstance(membership, Membership) == ("acme" in noted.names)
            if isinstance(membership, Membership):
                has[each] = membership.role
        for watched in ("owner", "releaser"):
            holders = {holder_of(each) for each, its in has.items() if its == watched}
            assert (await platform.current.get(ROLE, watched, "acme")).holders == holders
        had_owner = had_owner or "owner" in has.values()
        assert not had_owner or "owner" in has.values()


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_what_is_noted_in_three_places_is_one_fact(steps: list[tuple[str, str]]) -> None:
    asyncio.run(walk(steps))
