"""The owner: made once at the first start, whoever starts, and given a new key on demand."""

import asyncio
import json
import stat
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from adapters.bootstrap import open_platform
from adapters.crypto.ids import new_id
from adapters.crypto.tokens import hash_token, make_api_key, parse_api_key
from adapters.owner import ensure_owner, seat_owner
from adapters.settings import Settings, load_settings
from adapters.startup import CannotStart
from tests.support.commands import call


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return load_settings(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(tmp_path / "data"),
            "OWNER_KEY_FILE": str(tmp_path / "keys" / "owner.key"),
        },
        Path("/nowhere"),
    )


def kept(settings: Settings) -> str:
    return settings.owner_key_file.read_text().strip()


async def role_of(settings: Settings, text: str) -> str | None:
    key = parse_api_key(text)
    assert key is not None
    async with open_platform(settings) as platform:
        found = await platform.keys(key, hash_token(text))
    return None if found is None else found.role


async def test_the_first_start_makes_the_owner_and_later_ones_change_nothing(
    settings: Settings,
) -> None:
    assert await ensure_owner(settings)
    key = kept(settings)
    assert await role_of(settings, key) == "owner"
    assert stat.S_IMODE(settings.owner_key_file.stat().st_mode) == 0o600
    assert not await ensure_owner(settings)
    assert kept(settings) == key
    assert list(settings.owner_key_file.parent.iterdir()) == [settings.owner_key_file]


async def test_first_starts_at_once_make_one_owner_whose_key_is_in_the_file(
    settings: Settings,
) -> None:
    made = await asyncio.gather(*(ensure_owner(settings) for _ in range(4)))
    assert sorted(made) == [False, False, False, True]
    assert await role_of(settings, kept(settings)) == "owner"
    assert list(settings.owner_key_file.parent.iterdir()) == [settings.owner_key_file]


async def test_rotations_at_once_leave_the_last_owners_key_in_the_file(settings: Settings) -> None:
    await ensure_owner(settings)
    async with open_platform(settings) as one, open_platform(settings) as other:
        await asyncio.gather(*(seat_owner(each, rotate=True) for each in (one, other, one)))
    assert await role_of(settings, kept(settings)) == "owner"


async def test_a_start_that_was_killed_before_the_rename_is_made_good(settings: Settings) -> None:
    await ensure_owner(settings)
    file = settings.owner_key_file
    key = kept(settings)
    id_ = parse_api_key(key)
    assert id_ is not None
    file.rename(file.with_name(f".owner.key.{id_.hex}"))
    assert not await ensure_owner(settings)
    assert kept(settings) == key


async def test_a_missing_or_outdated_file_is_told_with_what_to_do(settings: Settings) -> None:
    await ensure_owner(settings)
    settings.owner_key_file.write_text(make_api_key(new_id()).text)
    with capture_logs() as logs:
        await ensure_owner(settings)
    settings.owner_key_file.unlink()
    with capture_logs() as more:
        await ensure_owner(settings)
    told = [each for each in [*logs, *more] if each["event"].startswith("owner_key_file")]
    assert [each["event"] for each in told] == ["owner_key_file_outdated", "owner_key_file_missing"]
    assert all("annals owner rotate" in each["advice"] for each in told)
    assert not settings.owner_key_file.exists()


async def test_a_place_that_cannot_be_written_makes_no_owner(settings: Settings) -> None:
    settings.owner_key_file.parent.write_text("a file")
    with pytest.raises(CannotStart, match="cannot be written"):
        await ensure_owner(settings)
    settings.owner_key_file.parent.unlink()
    assert await ensure_owner(settings)


async def test_rotate_makes_a_new_key_and_revokes_the_old_one(settings: Settings) -> None:
    await ensure_owner(settings)
    old = kept(settings)
    env = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": None,
        "DATA_DIR": str(settings.data_dir),
        "OWNER_KEY_FILE": str(settings.owner_key_file),
    }
    said = await asyncio.to_thread(call, "owner", "rotate", **env)
    assert (said.exit_code, said.stdout) == (
        0,
        f"The owner's new key is in {settings.owner_key_file}\n",
    )
    new = kept(settings)
    assert new != old
    assert await role_of(settings, old) is None
    assert await role_of(settings, new) == "owner"
    assert stat.S_IMODE(settings.owner_key_file.stat().st_mode) == 0o600

    again = await asyncio.to_thread(call, "owner", "rotate", "--json", **env)
    told = json.loads(again.stdout)
    assert UUID(told["key"]) == parse_api_key(kept(settings))
    assert kept(settings) not in said.output + again.output
