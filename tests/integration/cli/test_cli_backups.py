"""`annals backup` on a real log, without an API or a worker."""

import resource
import subprocess
import sys
from pathlib import Path

from tests.support.backups import flipped
from tests.support.commands import Installation


def create(installation: Installation, label: str = "") -> str:
    [made] = installation.json("backup", "create", "--label", label)["items"]
    assert (made["label"], made["state"]) == (label, "completed")
    installation.caught_up()
    return str(made["version"])


def listed(installation: Installation) -> list[str]:
    return [each["version"] for each in installation.json("backup", "list")["items"]]


def place(installation: Installation, version: str) -> Path:
    return installation.settings.backup_dir / "versions" / version


def test_a_backup_is_made_listed_and_verified(installation: Installation) -> None:
    installation.succeed()
    older, newer = create(installation, "older"), create(installation, "newer")
    assert listed(installation)[:2] == [newer, older]
    sound = installation.json("backup", "verify", "latest")
    assert (sound["version"], sound["state"]) == (newer, "sound")
    installation.caught_up()
    table = installation.call("backup", "list").stdout
    assert "sound" in table
    assert "older" in table


def test_a_damaged_backup_is_told_with_its_place_and_an_exit_code(
    installation: Installation,
) -> None:
    version = create(installation)
    file = place(installation, version) / "events.copy.zst"
    file.write_bytes(flipped(file.read_bytes(), 77))
    result = installation.call("backup", "verify", version)
    assert result.exit_code == 1
    assert "events.copy.zst chunk 0" in result.stderr


def test_a_backup_is_labelled_and_deleted(installation: Installation) -> None:
    version = create(installation)
    assert installation.call("backup", "label", version, "kept").exit_code == 0
    installation.caught_up()
    assert installation.json("backup", "list", "--limit", "1")["items"][0]["label"] == "kept"
    assert '"label": "kept"' in (place(installation, version) / "manifest.json").read_text()
    assert installation.call("backup", "delete", version).exit_code == 0
    installation.caught_up()
    assert version not in listed(installation)
    assert not place(installation, version).exists()
    assert installation.call("backup", "verify", version).exit_code == 1


def test_without_a_policy_nothing_is_pruned(installation: Installation) -> None:
    version = create(installation)
    pruned = installation.json("backup", "prune")
    assert pruned["pruned"] == []
    assert version in listed(installation)


def test_without_a_database_the_repository_is_listed(installation: Installation) -> None:
    version = create(installation, "found")
    nobody = "postgresql://nobody@127.0.0.1:1/nothing"
    result = installation.call("backup", "list", "--json", DATABASE_URL=nobody)
    assert result.exit_code == 0, result.output
    assert f'"version":"{version}","label":"found","state":"completed"' in result.stdout
    assert "Only what the repository says" in result.stderr


def test_a_disk_that_takes_no_more_is_one_event_and_leaves_nothing(
    installation: Installation,
) -> None:
    before = listed(installation)

    def take_no_more() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

    env = {name: value for name, value in installation.env.items() if value is not None}
    result = subprocess.run(
        # Python would leave truncated byte code behind: it does not look how much was written.
        [sys.executable, "-B", "-m", "adapters.cli", "backup", "create"],
        env=env,
        cwd=Path(__file__).parents[3],
        preexec_fn=take_no_more,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert "cannot be written" in result.stderr
    installation.caught_up()
    failed = installation.json("backup", "list", "--limit", "1")["items"][0]
    assert failed["state"] == "failed"
    assert "File too large" in failed["error"]
    assert not list((installation.settings.backup_dir / "incoming").iterdir())
    assert listed(installation)[1:] == before
