"""`annals schemas` on a real log."""

import json
from pathlib import Path
from typing import Any

from tests.support.commands import Installation

ORDER = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


def write(path: Path, value: Any) -> str:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


def publish(installation: Installation, path: Path, name: str, *options: str) -> None:
    file = write(path / "schema.json", ORDER)
    done = installation.json("schemas", "publish", name, file, *options)
    assert done == {"name": name, "version": 1, "published": True}


def test_a_schema_is_published_listed_and_shown(installation: Installation, tmp_path: Path) -> None:
    publish(installation, tmp_path, "order", "--compatibility", "backward")
    again = installation.json("schemas", "publish", "order", str(tmp_path / "schema.json"))
    assert again == {"name": "order", "version": 1, "published": False}
    installation.caught_up()
    (listed,) = installation.json("schemas", "list")["items"]
    assert (listed["name"], listed["newest"], listed["compatibility"]) == ("order", 1, "backward")
    assert json.loads(installation.call("schemas", "show", "order").stdout) == ORDER
    assert installation.json("schemas", "show", "order")["schema"] == ORDER


def test_a_schema_that_breaks_its_promise_is_told_where(
    installation: Installation, tmp_path: Path
) -> None:
    publish(installation, tmp_path, "promise", "--compatibility", "backward")
    file = write(tmp_path / "other.json", {**ORDER, "required": ["id", "mail"]})
    result = installation.call("schemas", "publish", "promise", file)
    assert result.exit_code == 1
    assert "annals: /required: " in result.stderr
    assert "[required-added]" in result.stderr


def test_a_file_is_held_against_a_schema(installation: Installation, tmp_path: Path) -> None:
    publish(installation, tmp_path, "one")
    good, bad = write(tmp_path / "good.json", {"id": 7}), write(tmp_path / "bad.json", {"id": "x"})
    assert installation.call("schemas", "validate", good, "--schema", "one").exit_code == 0
    result = installation.call("schemas", "validate", bad, "--schema", "one")
    assert result.exit_code == 1
    assert result.stdout == "/id: must be integer [type]\n"
    told = installation.call("schemas", "validate", bad, "--schema", "one", "--json")
    assert told.exit_code == 1
    verdict = json.loads(told.stdout)
    assert (verdict["valid"], verdict["errors"][0]["pointer"]) == (False, "/id")


def test_lines_are_judged_one_by_one(installation: Installation, tmp_path: Path) -> None:
    publish(installation, tmp_path, "many")
    file = write(tmp_path / "orders.ndjson", '{"id":1}\n\n{"id":2,"id":3}\nnot json\n')
    result = installation.call("schemas", "validate", file, "--schema", "many", "--json")
    assert result.exit_code == 1
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(each["line"], [e["code"] for e in each["errors"]]) for each in found] == [
        (1, []),
        (3, ["duplicate-key"]),
        (4, ["json"]),
    ]


def test_a_line_that_is_too_long_is_one_fault(installation: Installation, tmp_path: Path) -> None:
    publish(installation, tmp_path, "long")
    file = write(tmp_path / "long.jsonl", f'"{"x" * 3_000_000}"\n{{"id":1}}\n')
    result = installation.call("schemas", "validate", file, "--schema", "long", "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(each["line"], each["valid"]) for each in found] == [(1, False), (2, True)]
    assert found[0]["errors"][0]["code"] == "size"


def test_what_cannot_be_found_out_is_no_verdict(installation: Installation, tmp_path: Path) -> None:
    file = write(tmp_path / "good.json", {"id": 7})
    missing = installation.call("schemas", "validate", file, "--schema", "nobody")
    assert (missing.exit_code, missing.stderr) == (
        2,
        "annals: there is no schema nobody in the tenant default\n",
    )
    assert installation.call("schemas", "validate", file).exit_code == 2
    nowhere = str(tmp_path / "nowhere.json")
    assert installation.call("schemas", "validate", nowhere, "--schema", "one").exit_code == 2
    down = installation.call(
        "schemas", "validate", file, "--schema", "x", DATABASE_URL="postgres://127.0.0.1:1/x"
    )
    assert down.exit_code == 2
