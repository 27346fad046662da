"""Files and folders that are replaced in one step, whatever happens meanwhile."""

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.publishing.checking import check, problems
from steerbench.publishing.publish import publish
from steerbench.records.export import export
from steerbench.records.results import read_result, write_result
from steerbench.storage import folders
from steerbench.storage.files import write_whole
from steerbench.storage.folders import discard, whole_folder
from tests.publishing.world import finished
from tests.records.test_ledger import mounted

PARTS = 20
REPLACE = """
import sys
from pathlib import Path
from steerbench.storage.folders import whole_folder
number = 0
while True:
    number += 1
    with whole_folder(Path(sys.argv[1])) as new:
        for part in range(20):
            (new / str(part)).write_text(f"{number}")
"""


def versions(folder: Path) -> set[str]:
    """As they are read one after the other: more than one if the folder is replaced meanwhile, or is half."""
    return {(folder / str(part)).read_text() for part in range(PARTS)}


def test_a_folder_that_is_replaced_by_a_process_that_is_killed_is_whole_after_every_kill(tmp_path: Path) -> None:
    folder, rng = tmp_path / "folder", random.Random(0)
    with whole_folder(folder) as new:
        for part in range(PARTS):
            (new / str(part)).write_text("0")
    for _ in range(10):
        before = versions(folder)
        process = subprocess.Popen([sys.executable, "-c", REPLACE, str(folder)], cwd=Path(__file__).parents[2])
        while versions(folder) == before:
            assert process.poll() is None
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(versions(folder)) == 1
        assert len(list(folder.iterdir())) == PARTS
    discard(folder)
    assert list(tmp_path.iterdir()) == []  # nor is anything left of those that were killed


def test_who_looks_while_a_folder_is_replaced_never_finds_none(tmp_path: Path) -> None:
    folder, missing, done = tmp_path / "folder", [], threading.Event()

    def look() -> None:
        while not done.is_set():
            if not folder.is_dir():
                missing.append(1)

    with whole_folder(folder):
        pass
    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(300):
        with whole_folder(folder) as new:
            (new / "a").write_text(f"{number}")
    done.set()
    watcher.join()
    assert not missing
    assert (folder / "a").read_text() == "299"


def test_where_folders_cannot_change_places_one_is_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_exchanged", lambda one, other: False)
    for number in "12":
        with whole_folder(tmp_path / "folder") as new:
            (new / number).touch()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["2"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_replacement_that_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    write_whole(tmp_path / "file", "old")
    with pytest.raises(IsADirectoryError), whole_folder(tmp_path / "folder") as new:
        new.write_text("is a folder")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "file", "\ud800")
    with pytest.raises(NotADirectoryError), whole_folder(tmp_path / "file"):
        pass
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["file", "folder", "folder/old"]
    assert (tmp_path / "file").read_text() == "old"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    mounted(disk, "size=128k")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("left", [0, 4096, 12288])
def test_a_disk_that_is_full_at_publishing_is_told_and_what_was_published_stays(
    tmp_path: Path, small_disk: Path, left: int
) -> None:
    run = finished(tmp_path / "run")
    folder = publish(run, small_disk / "results")
    result, before = read_result(run), (folder / "published.json").read_bytes()
    timings = result.timings.model_copy(update={"peak_memory_bytes": 7})
    write_result(result.model_copy(update={"timings": timings}), run)
    fill = small_disk / "fill"
    fill.write_bytes(b" " * (shutil.disk_usage(small_disk).free - left))
    for attempt in (lambda: publish(run, small_disk / "results"), lambda: export(run, small_disk / "out")):
        with pytest.raises(UserError, match=r"^The disk that holds [^\n]* is full; free some space and start again"):
            attempt()
    assert (folder / "published.json").read_bytes() == before
    assert problems(folder) == []
    assert check(small_disk / "results").folders == 1
    assert [path.name for path in (small_disk / "results").iterdir()] == [folder.name]
    fill.unlink()
    publish(run, small_disk / "results")
    assert (folder / "published.json").read_bytes() != before
