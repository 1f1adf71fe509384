"""What the page on security names is there: every test, and every document."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:tests|features)/[^`]+)`", PAGE)))


@pytest.mark.parametrize("named", NAMED)
def test_every_test_that_is_named_exists(named: str) -> None:
    path, _, name = named.partition("::" if "::" in named else ": ")
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".feature"):
        assert f"Scenario: {name}\n" in text
    elif name:
        assert re.search(rf"def {name}\(", text)
    else:
        assert "def test_" in text


def test_every_requirement_says_what_shows_it_or_why_it_does_not_apply() -> None:
    rows = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d+\.\d", line)]
    assert len(rows) > 70
    unshown = [row[0] for row in rows if row[3].strip(" |") == "-" and not _excused(row[2])]
    assert unshown == []


def _excused(here: str) -> bool:
    return here.startswith(("does not apply", "none"))
