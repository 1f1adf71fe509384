"""`If-Match` tells nothing: what is refused without one is refused in the same words with one.

Every operation that takes one is asked about things that are not the caller's, in the same tenant
and in another, and with versions that the thing has and has not.
"""

import pytest

from adapters.http.app import OPERATIONS
from domain.access import INSTALLATION
from tests.support.every_operation import ask, filled, forms, label, named_by, nowhere
from tests.support.two_tenants import PASSWORD, Installation, Room, plain

HIDDEN = {401, 403, 404}
VERSIONS = ('"v0"', '"v1"', '"v2"', '"v99"')
CONDITIONAL = [
    each
    for each in OPERATIONS
    if each.conditional and not set(each.permissions) & INSTALLATION and "{" in each.path
]


@pytest.fixture(scope="module")
async def members(installation: Installation, alpha: Room) -> dict[str, str]:
    """Tokens of others in the tenant, by their role."""
    tokens = {}
    for role in ("admin", "member"):
        who = {"email": f"{role}@alpha.example", "password": PASSWORD}
        account = (await installation.done("POST", "/v1/accounts", who))["id"]
        grant = ("PUT", f"/v1/members/{account}", {"role": role})
        await installation.as_owner(*grant, annals_tenant=alpha.name)
        started = await installation.done("POST", "/v1/sessions", {**who, "tenant": alpha.name})
        tokens[role] = started["token"]
    return tokens


async def test_no_version_is_told_of_what_is_not_the_callers(
    installation: Installation, alpha: Room, beta: Room, members: dict[str, str]
) -> None:
    alpha.ids["path"] = "/var/log/app.log"
    differ, refused, unknown = [], set(), nowhere(alpha)
    for operation in CONDITIONAL:
        for form in forms(operation):
            for token in (members["member"], members["admin"], beta.token):
                for ids in (alpha.ids, unknown):
                    bare = await ask(installation, operation, ids, form, token)
                    if bare.status_code not in HIDDEN:
                        continue
                    refused.add(operation.path)
                    for version in VERSIONS:
                        asked = await ask(
                            installation, operation, ids, form, token, if_match=version
                        )
                        if plain(asked) != plain(bare):
                            about = filled(form[0], ids)
                            differ.append((label(operation), about, bare.text, asked.text))
    assert not differ, differ
    assert refused == {each.path for each in CONDITIONAL if named_by(each)}
