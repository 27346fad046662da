"""Where files are looked for, and that nothing unverified is handed out."""

import hashlib
from pathlib import Path

import pytest

from steerbench.datasets import fetch
from steerbench.datasets.registry import DataFile, Dataset
from steerbench.errors import UserError
from tests.datasets.conftest import CONTENT, Origin


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("STEERBENCH_DATA", raising=False)
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data" / "tested_folder" / "folder"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror" / "tested_folder" / "folder"
    folder.mkdir(parents=True)
    monkeypatch.setenv("STEERBENCH_DATA", str(tmp_path / "mirror"))
    return folder


def located(one: Dataset) -> Path:
    return fetch.locate(one, one.files[0])


def test_a_file_is_downloaded_into_the_cache_once(origin: Origin, cache: Path) -> None:
    for _ in range(2):
        assert located(origin.dataset()) == cache / "data.bin"
    assert (cache / "data.bin").read_bytes() == CONTENT
    assert len(origin.asked) == 1


def test_an_altered_cached_file_is_replaced(origin: Origin, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "data.bin").write_bytes(b"altered")
    assert located(origin.dataset()).read_bytes() == CONTENT


def test_a_mirror_is_read_and_the_network_left_alone(origin: Origin, mirror: Path) -> None:
    (mirror / "data.bin").write_bytes(CONTENT)
    assert located(origin.dataset()) == mirror / "data.bin"
    assert origin.asked == []


def test_a_file_altered_in_the_mirror_is_named_with_both_hashes(origin: Origin, mirror: Path) -> None:
    (mirror / "data.bin").write_bytes(b"altered")
    with pytest.raises(UserError) as caught:
        located(origin.dataset())
    for part in ("data.bin", hashlib.sha256(CONTENT).hexdigest(), hashlib.sha256(b"altered").hexdigest()):
        assert part in str(caught.value)
    assert (mirror / "data.bin").read_bytes() == b"altered"


def test_a_file_missing_in_the_mirror_is_never_downloaded_instead(origin: Origin, mirror: Path) -> None:
    with pytest.raises(UserError, match=r"data\.bin is missing; STEERBENCH_DATA names this folder"):
        located(origin.dataset())
    assert origin.asked == []


def test_a_mirror_that_is_no_folder_is_said_so(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERBENCH_DATA", "/nowhere/at/all")
    with pytest.raises(UserError, match="'/nowhere/at/all', which is no folder"):
        located(origin.dataset())


def test_a_derived_file_without_a_mirror_says_how_it_is_made() -> None:
    derived = DataFile(path="made.gz", sha256="0" * 64, size=1, derived="two files joined")
    one = Dataset(name="tested", what="", licence="", homepage="", folder="tested_folder", files=(derived,))
    with pytest.raises(UserError, match=r"derived \(two files joined\); name a folder"):
        located(one)


def test_verify_tells_missing_from_altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k" / "test.jsonl").write_text("altered")
    monkeypatch.setenv("STEERBENCH_DATA", str(tmp_path))
    altered, missing = fetch.verify("gsm8k")
    assert "test.jsonl is not the published file" in altered
    assert missing.endswith("train_first100.jsonl is missing.")


def test_a_misspelt_name_gets_near_misses() -> None:
    with pytest.raises(UserError, match="no dataset 'gsm8'; did you mean 'gsm8k'"):
        fetch.path_of("gsm8", "test.jsonl")
    with pytest.raises(UserError, match=r"no file of dataset gsm8k 'tests.jsonl'; did you mean 'test.jsonl'"):
        fetch.path_of("gsm8k", "tests.jsonl")
