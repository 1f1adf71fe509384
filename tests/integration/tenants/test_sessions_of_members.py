"""Who was signed in at a moment: a tenant is told of the sessions that were begun for it."""

from tests.support.two_tenants import PASSWORD, Installation, Room


async def test_as_it_was_no_tenant_sees_what_was_begun_for_another(
    installation: Installation, alpha: Room, beta: Room
) -> None:
    who = {"email": "both@example.org", "password": PASSWORD}
    account = (await installation.done("POST", "/v1/accounts", who))["id"]
    begun = {}
    for room in (alpha, beta):
        grant = ("PUT", f"/v1/members/{account}", {"role": "admin"})
        await installation.as_owner(*grant, annals_tenant=room.name)
    for room in (alpha, beta):
        body = {**who, "tenant": room.name}
        begun[room.name] = await installation.done("POST", "/v1/sessions", body)
    place = await installation.caught_up()
    path = f"/v1/sessions?account={account}&position={place}"

    async def seen(**credential: str) -> set[str]:
        items = (await installation.done("GET", path, **credential))["items"]
        return {each["id"] for each in items}

    both = {each["id"] for each in begun.values()}
    for room in (alpha, beta):
        assert await seen(token=room.token) == {begun[room.name]["id"]}
        assert await seen(token=begun[room.name]["token"]) == both
    assert await seen(token=installation.owner, annals_tenant="alpha") == both
