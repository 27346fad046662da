"""`steerbench data`, as a user types it."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steerbench.cli.data import app
from steerbench.datasets.registry import DataFile, Dataset
from steerbench.errors import UserError
from tests.datasets.conftest import CONTENT, Origin


@pytest.fixture(autouse=True)
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("STEERBENCH_DATA", str(tmp_path))


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of two datasets, of which the mirror holds one."""
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "data.bin").write_bytes(b"data")
    here = DataFile(path="data.bin", url="http://localhost", sha256=hashlib.sha256(b"data").hexdigest(), size=4)
    there = DataFile(path="data.bin", url="http://localhost", git_blob="0" * 40)
    both = {
        name: Dataset(name=name, what="", licence="", homepage="", folder=name.replace("-", "_"), files=(file,))
        for name, file in (("papers", here), ("upstream-only", there))
    }
    monkeypatch.setattr("steerbench.datasets.registry.datasets", lambda: both)
    monkeypatch.setattr("steerbench.cli.data.datasets", lambda: both)


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


def test_verify_says_what_a_mirror_does_not_hold_and_does_not_fail_for_it(tmp_path: Path, published: None) -> None:
    result = CliRunner().invoke(app, ["verify"])
    assert result.exit_code == 0, result.output
    assert "papers: as published" in result.output
    assert f"Not held by the mirror {tmp_path}: upstream-only." in result.output.replace("\n", "")


def test_verify_fails_for_what_was_named_and_is_not_held(published: None) -> None:
    result = CliRunner().invoke(app, ["verify", "papers", "upstream-only"])
    assert "papers: as published" in result.output
    assert isinstance(result.exception, UserError)
    assert "are not here: upstream-only" in str(result.exception)


def test_verify_with_nothing_here_says_how_to_begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STEERBENCH_DATA")
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    result = CliRunner().invoke(app, ["verify"])
    assert result.exit_code == 0
    assert "data fetch NAME" in result.output
    assert "personalitybench-search" in result.output


def test_a_dataset_known_by_blob_ids_is_listed_fetched_and_verified(
    origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("STEERBENCH_DATA")
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    (tmp_path / "content").write_bytes(CONTENT)
    command = ["git", "hash-object", "--no-filters", str(tmp_path / "content")]
    blob = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    one = origin.dataset().model_copy(update={"files": (origin.file_by_blob(blob),), "note": "It may have moved."})
    monkeypatch.setattr("steerbench.datasets.registry.datasets", lambda: {"tested": one})
    monkeypatch.setattr("steerbench.cli.data.datasets", lambda: {"tested": one})
    (before,) = [line for line in CliRunner().invoke(app, ["list"]).output.splitlines() if " tested " in line]
    assert re.search(r"unknown\s.*\sno\s", before)
    fetched = CliRunner().invoke(app, ["fetch", "tested"])
    assert "It may have moved." in fetched.output
    assert "1 of 1 files are here and verified" in fetched.output
    assert CliRunner().invoke(app, ["verify", "tested"]).output == "tested: as published\n"
    (tmp_path / "data" / "tested_folder" / "folder" / "data.bin").write_bytes(CONTENT + b"!")
    altered = CliRunner().invoke(app, ["verify", "tested"])
    assert f"git blob id {blob} was expected" in altered.output
    assert isinstance(altered.exception, UserError)


def test_fetch_checks_every_name_before_it_begins() -> None:
    result = CliRunner().invoke(app, ["fetch", "gsm8k", "ifevil"])
    assert "did you mean 'ifeval'" in str(result.exception)
