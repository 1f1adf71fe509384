"""Second factors that are used at once, and in processes that have not heard of each other."""

import asyncio
from dataclasses import replace

from tests.support.authenticator import Authenticator
from tests.support.http_platform import Api, opened_api
from tests.support.second_factors import Person, enrolled

WRONG = "/problems/wrong-second-factor"
REQUIRED = "/problems/second-factor-required"


async def test_of_two_uses_of_a_code_at_once_one_counts(ada: Person) -> None:
    await enrolled(ada)
    problems = [(await ada.sign_in()).json() for _ in range(5)]
    code = ada.next_code()
    asked = [ada.complete(problem, code=code) for problem in problems]
    statuses = sorted(each.status_code for each in await asyncio.gather(*asked))
    assert statuses == [201, 401, 401, 401, 401]


async def test_of_two_answers_at_once_one_counts(ada: Person) -> None:
    phone = Authenticator(counts=False)
    await ada.register(phone)
    body = {"credential": phone.get(await ada.options())}
    asked = [ada.api.ask("POST", "/v1/sessions/passkey", body, host="localhost") for _ in range(5)]
    statuses = sorted(each.status_code for each in await asyncio.gather(*asked))
    assert statuses == [201, 401, 401, 401, 401]


async def test_of_two_processes_one_accepts_a_code(api: Api, ada: Person) -> None:
    await enrolled(ada)
    shared = {"store": api.platform.store, "vault": api.platform.vault}
    async with opened_api(**shared) as other:
        beside = replace(ada, api=other)
        code = ada.next_code()
        other.platform.clock = api.platform.clock
        both = (ada, beside)  # have the state in mind on which they decide, once this is answered
        problems = [(await each.sign_in()).json() for each in both]
        asked = [
            each.complete(problem, code=code) for each, problem in zip(both, problems, strict=True)
        ]
        statuses = sorted(each.status_code for each in await asyncio.gather(*asked))
        assert statuses == [201, 401]


async def test_a_process_that_has_not_heard_of_a_factor_lets_nobody_in(
    api: Api, ada: Person
) -> None:
    async with opened_api(store=api.platform.store, vault=api.platform.vault) as other:
        beside = replace(ada, api=other)
        assert (await beside.sign_in()).status_code == 201
        await enrolled(ada)  # of which nobody tells the other process
        answer = await beside.sign_in()
        assert (answer.status_code, answer.json()["type"]) == (401, REQUIRED)
