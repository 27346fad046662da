"""`steerbench data`, as a user types it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from steerbench.cli.data import app
from steerbench.errors import UserError


@pytest.fixture(autouse=True)
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("STEERBENCH_DATA", str(tmp_path))


def test_list_shows_what_is_here_and_under_which_terms(tmp_path: Path) -> None:
    (tmp_path / "svamp").mkdir()
    (tmp_path / "svamp" / "SVAMP.json").write_text("altered")
    lines = CliRunner().invoke(app, ["list"]).output.splitlines()
    (svamp,) = [line for line in lines if " svamp " in line]
    (ifeval,) = [line for line in lines if " ifeval " in line]
    assert "not stated" in svamp
    assert "damaged" in svamp
    assert "Apache-2.0" in ifeval
    assert " no " in ifeval


def test_verify_names_the_file_and_fails(tmp_path: Path) -> None:
    (tmp_path / "svamp").mkdir()
    (tmp_path / "svamp" / "SVAMP.json").write_text("altered")
    result = CliRunner().invoke(app, ["verify"])
    assert "SVAMP.json is not the published file" in result.output
    assert isinstance(result.exception, UserError)
    assert "svamp" in str(result.exception)


def test_verify_with_nothing_here_says_how_to_begin() -> None:
    result = CliRunner().invoke(app, ["verify"])
    assert result.exit_code == 0
    assert "data fetch NAME" in result.output


def test_fetch_checks_every_name_before_it_begins() -> None:
    result = CliRunner().invoke(app, ["fetch", "gsm8k", "ifevil"])
    assert "did you mean 'ifeval'" in str(result.exception)
