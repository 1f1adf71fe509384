"""What Unleash's SDKs are served is kept for a bounded number of environments."""

from application.flags.unleash_view import MOST_VIEWS, UnleashViews
from tests.support.http_platform import opened_api


async def test_environments_that_nobody_set_up_share_what_they_are_served() -> None:
    async with opened_api() as api:
        for environment in ("default", "production"):
            body = {"enabled": True, "environment": environment}
            await api.owner("PUT", "/v1/flags/beta", body)
        flags, views = await api.platform.flag_sets.of("default"), UnleashViews()
        kept = await views.of(flags, "production")
        others = [await views.of(flags, f"x-{number}") for number in range(MOST_VIEWS * 2)]
        assert len(set(map(id, others))) == 1
        assert b'"enabled":false' in others[0].features["beta"]
        assert await views.of(flags, "production") is kept
        await api.owner("PUT", "/v1/flags/beta", {"enabled": True, "environment": "x-1"})
        assert b'"enabled":true' in (await views.of(flags, "x-1")).features["beta"]
