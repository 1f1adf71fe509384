"""What the command line makes of its options before anything is opened."""

import pytest
from click.testing import CliRunner

from adapters.cli.main import annals


@pytest.mark.parametrize("command", [["up"], ["events", "tail"], ["jobs", "list"]])
@pytest.mark.parametrize("empty", ["", " "])
def test_an_unset_variable_is_no_data_directory(command: list[str], empty: str) -> None:
    ended = CliRunner().invoke(annals, [*command, "--data-dir", empty])
    assert ended.exit_code == 2
    assert "it is empty" in ended.output
