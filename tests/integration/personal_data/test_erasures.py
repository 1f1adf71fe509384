"""Erased people on real databases: in every process, and in logs that do not tell of it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from adapters.crypto.ids import new_id
from adapters.postgres.unfinished_erasures import PostgresUnfinishedErasures
from application.bus import Run
from application.context import Context
from application.current import CurrentStates
from application.personal_data import People, Person, forgetting, key_owners
from application.unfinished_erasures import FinishErasure, FinishErasureHandler
from application.unit import Unit
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    AnyAccount,
    AskEmailChange,
    ChangeEmail,
    EraseAccount,
    ErasedAccount,
    RegisterAccount,
    ReleaseEmail,
    ReserveEmail,
)
from domain.decider import ERASED
from domain.memberships import MEMBERSHIP, GrantMembership
from domain.recorded import SYSTEM_TENANT
from tests.support.restores import OpenLog, now, opened

AT = datetime(2030, 1, 1, tzinfo=UTC)


def hashed(name: str) -> str:
    return name.encode().hex()


def context() -> Context:
    return Context(correlation_id=new_id(), deadline=1e12)


async def register(log: OpenLog, account: str, email: str = "ada@example.org") -> None:
    async def decide(unit: Unit) -> None:
        await unit.decide(EMAIL, hashed(email), ReserveEmail(account=account, at=AT))
        unit.begin(ACCOUNT, account, RegisterAccount(email=email, password_hash="h", at=AT))
        unit.begin(MEMBERSHIP, account, GrantMembership(role="member", at=AT))

    await log.pipeline.run(decide, context())


async def account_in(log: OpenLog, account: str) -> AnyAccount:
    stream = (SYSTEM_TENANT, ACCOUNT.stream(account))
    return (await log.pipeline.fold(ACCOUNT, stream)).state  # type: ignore[no-any-return]


async def types_of(log: OpenLog, account: str) -> list[str]:
    stream = (SYSTEM_TENANT, ACCOUNT.stream(account))
    return [each.type for each in await log.store.read_stream(stream, after=0, limit=100)]


def finish(log: OpenLog, scrubbed: list[str]) -> Callable[[str], Awaitable[None]]:
    people = People(log.store, log.codec, hashed)

    async def scrub(person: Person) -> None:
        scrubbed.append(person.keys[0])

    handler = FinishErasureHandler(people, log.vault, scrub, now)

    async def carry_out(account: str) -> None:
        await handler(FinishErasure(account=account), Run(log.pipeline, context()))

    return carry_out


async def test_other_processes_forget_the_key_with_the_logs_news(database_url: str) -> None:
    async with opened(database_url) as here, opened(database_url) as there:
        await register(here, "a1")
        known = await account_in(there, "a1")
        assert isinstance(known, Account)
        [owner] = key_owners(["a1"])

        async def erase(unit: Unit) -> None:
            command = EraseAccount(keys=("a1",), tenants=("default",), reason="own", at=AT)
            await unit.decide(ACCOUNT, "a1", command)

        before = (await here.store.tail()).position
        await here.pipeline.run(erase, context())
        await here.vault.destroy(owner)
        events = await there.store.read_log(after=before, limit=10)
        stored = await there.store.read_stream(
            (SYSTEM_TENANT, ACCOUNT.stream("a1")), after=0, limit=1
        )
        [kept] = await there.codec.decode(stored)
        assert kept.event.email == "ada@example.org"
        forgetting(there.vault, CurrentStates(there.pipeline))(events)
        [erased] = await there.codec.decode(stored)
        assert (erased.event.email, erased.event.password_hash) == (ERASED, ERASED)


async def test_a_log_that_does_not_tell_of_an_erasure_is_told(database_url: str) -> None:
    async with opened(database_url) as log:
        unfinished = PostgresUnfinishedErasures(log.readers)
        for account in ("a1", "a2"):
            await register(log, account, f"{account}@example.org")
        assert await unfinished() == []
        for owner in key_owners(["a1", "address-of-nobody"]):
            await log.vault.keys([owner], create=True)
            await log.vault.destroy(owner)
        assert await unfinished() == ["a1"]
        scrubbed: list[str] = []
        carry_out = finish(log, scrubbed)
        await carry_out("a1")
        assert await types_of(log, "a1") == [
            "account.registered",
            "account.erased",
            "account.sessions_revoked",
        ]
        assert (await unfinished(), scrubbed) == (["a1"], [])
        await carry_out("a1")
        assert scrubbed == ["a1"]
        assert (await types_of(log, "a1"))[-1] == "account.keys_destroyed"
        assert await unfinished() == []
        assert isinstance(await account_in(log, "a1"), ErasedAccount)
        await carry_out("a2")
        assert isinstance(await account_in(log, "a2"), Account)
        await carry_out("a1")
        assert len(await types_of(log, "a1")) == 4


@pytest.mark.parametrize("moved", [False, True])
async def test_an_address_is_told_from_its_next_owners(database_url: str, *, moved: bool) -> None:
    async with opened(database_url) as log:
        people = People(log.store, log.codec, hashed)
        await register(log, "a1")
        if moved:
            await _move(log)
        assert (await people("a1")).keys[:2] == ("a1", f"address-{hashed('ada@example.org')}")


async def _move(log: OpenLog) -> None:
    async def decide(unit: Unit) -> None:
        ask = AskEmailChange(
            email="ada@example.com", token_hash="t", expires_at=AT.replace(year=2031), at=AT
        )
        await unit.decide(ACCOUNT, "a1", ask)
        await unit.decide(ACCOUNT, "a1", ChangeEmail(token_hash="t", at=AT))
        release = ReleaseEmail(account="a1", at=AT)
        await unit.decide(EMAIL, hashed("ada@example.org"), release)

    await log.pipeline.run(decide, context())
