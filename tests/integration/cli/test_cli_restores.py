"""`annals backup restore` and `annals backup old`, as a person calls them."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.crypto.master import load_master_key
from tests.support.bucket import BUCKET, bucket_server
from tests.support.commands import call
from tests.support.services import Services


@pytest.fixture(scope="module")
def env(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    data_dir: Path = tmp_path_factory.mktemp("restores")
    url = services.new_database()
    load_master_key(data_dir / "master.key")
    yield {"DATABASE_URL": url, "DATA_DIR": str(data_dir)}
    services.drop_database(url)


def test_listed_confirmed_restored_and_the_old_log_dropped(env: dict[str, str]) -> None:
    made = call("backup", "create", "--json", **env)
    assert made.exit_code == 0, made.output
    assert call("owner", "rotate", **env).exit_code == 0
    planned = call("backup", "restore", "latest", "--json", **env)
    assert planned.exit_code == 0, planned.output
    plan = json.loads(planned.stdout)
    types = {each["type"] for each in plan["discarded"]["types"]}
    assert "owner.key_set" in types
    stale = call("backup", "restore", "latest", "--confirm", f"0{plan['confirm']}", **env)
    assert stale.exit_code == 1
    assert "look again" in stale.stderr
    word = plan["confirm"]
    done = call("backup", "restore", "latest", "--confirm", word, "--json", **env)
    assert done.exit_code == 0, done.output
    kept = json.loads(done.stdout)["kept"]
    assert kept.startswith(urlsplit(env["DATABASE_URL"]).path.removeprefix("/"))
    old = json.loads(call("backup", "old", "list", "--json", **env).stdout)
    assert [each["database"] for each in old] == [kept]
    assert call("backup", "old", "drop", kept, **env).exit_code == 0
    assert json.loads(call("backup", "old", "list", "--json", **env).stdout) == []
    events = call("events", "tail", "--type", "restore.old_dropped", "--json", **env)
    assert json.loads(events.stdout)["data"] == {"database": kept}


@pytest.fixture
def bucket(env: dict[str, str]) -> Iterator[dict[str, str]]:
    """The same installation, whose backups go to a bucket."""
    with bucket_server() as address:
        yield {
            **env,
            "BACKUP_URL": f"s3://{BUCKET}/annals",
            "AWS_ENDPOINT_URL": address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }


@pytest.fixture
def empty(services: Services) -> Iterator[str]:
    """A database that somebody has made for a role that may not."""
    url = services.new_database(migrated=False)
    yield url
    services.drop_database(url)


def test_from_a_bucket_into_a_database_that_somebody_has_made(
    bucket: dict[str, str], empty: str
) -> None:
    made = call("backup", "create", "--label", "far away", "--json", **bucket)
    assert made.exit_code == 0, made.output
    [version] = json.loads(made.stdout)["items"]
    [listed] = json.loads(call("backup", "list", "--json", **bucket).stdout)["items"]
    assert (listed["version"], listed["label"]) == (version["version"], "far away")
    sound = call("backup", "verify", "latest", "--json", **bucket)
    assert sound.exit_code == 0, sound.output
    assert json.loads(sound.stdout)["state"] == "sound"
    before = position(bucket)
    refused = call("backup", "restore", "latest", "--into", empty, "--position", "end", **bucket)
    assert refused.exit_code == 2
    done = call(
        *("backup", "restore", "latest", "--into", empty, "--position", str(before)),
        *("--reason", "moving", "--json"),
        **bucket,
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["position"] == before + 1
    assert position(bucket) == before
    moved = {**bucket, "DATABASE_URL": empty}
    first = call("events", "tail", "--after", str(before), "--json", **moved)
    assert json.loads(first.stdout)["type"] == "restore.completed"
    rotated = call("owner", "rotate", **moved)
    assert rotated.exit_code == 0, rotated.output
    assert position(moved) > before + 1


def position(env: dict[str, str]) -> int:
    """Where the log ends."""
    events = call("events", "tail", "--json", **env)
    assert events.exit_code == 0, events.output
    return int(json.loads(events.stdout.splitlines()[-1])["position"])


def test_what_is_not_there_is_told(env: dict[str, str]) -> None:
    assert call("backup", "old", "drop", "annals", **env).exit_code == 1
    missing = call("backup", "restore", "01a1fe53-0435-7422-b18c-d5f68ec0def4", **env)
    assert missing.exit_code == 1
    assert call("backup", "restore", "latest", "--position", "nowhere", **env).exit_code == 2
