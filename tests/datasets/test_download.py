"""A download lands whole or not at all, and says in a sentence why not."""

import hashlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from steerbench.datasets.download import ATTEMPTS, CHUNK, download
from steerbench.errors import UserError
from tests.datasets.conftest import CONTENT, Origin


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_the_file_arrives_with_its_own_bytes_and_nothing_else_is_left(origin: Origin, tmp_path: Path) -> None:
    seen: list[int] = []
    download(origin.file(), tmp_path / "data.bin", seen.append)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["data.bin"]
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


def test_a_partial_file_is_continued_where_it_ended(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "data.bin.partial").write_bytes(CONTENT[:123_456])
    download(origin.file(), tmp_path / "data.bin")
    assert origin.asked == ["bytes=123456-299999"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again_instead_of_appending(origin: Origin, tmp_path: Path) -> None:
    origin.ranges = False
    (tmp_path / "data.bin.partial").write_bytes(CONTENT[:123_456])
    download(origin.file(), tmp_path / "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_corrupt_partial_file_costs_one_more_download_and_no_error(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "data.bin.partial").write_bytes(b"x" * 1000)
    download(origin.file(), tmp_path / "data.bin")
    assert origin.asked == ["bytes=1000-299999", ""]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_partial_file_longer_than_the_file_is_thrown_away(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "data.bin.partial").write_bytes(CONTENT + b"more")
    download(origin.file(), tmp_path / "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_connection_cut_short_every_time_still_gets_there_in_pieces(origin: Origin, tmp_path: Path) -> None:
    origin.cut = 8 * CHUNK
    download(origin.file(), tmp_path / "data.bin", pause=0.0)
    assert origin.asked == ["", "bytes=131072-299999", "bytes=262144-299999"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_that_keeps_truncating_is_reported_with_how_far_it_came(origin: Origin, tmp_path: Path) -> None:
    origin.cut = CHUNK
    with pytest.raises(UserError, match=r"stopped at 81,920 of 300,000 bytes \(.*5 attempts\); run the same command"):
        download(origin.file(), tmp_path / "data.bin", pause=0.0)
    assert leftovers(tmp_path) == ["data.bin.partial"]
    origin.cut = None
    download(origin.file(), tmp_path / "data.bin")
    assert origin.asked[-1] == "bytes=81920-299999"
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_that_is_busy_twice_is_asked_a_third_time(origin: Origin, tmp_path: Path) -> None:
    origin.failures = 2
    download(origin.file(), tmp_path / "data.bin", pause=0.0)
    assert len(origin.asked) == 3
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_that_stays_busy_is_named_after_five_attempts(origin: Origin, tmp_path: Path) -> None:
    origin.failures = 99
    with pytest.raises(UserError, match="the server answered 503"):
        download(origin.file(), tmp_path / "data.bin", pause=0.0)
    assert len(origin.asked) == ATTEMPTS


def test_wrong_bytes_never_land(origin: Origin, tmp_path: Path) -> None:
    origin.content = b"!" + CONTENT[1:]
    with pytest.raises(UserError) as caught:
        download(origin.file(), tmp_path / "data.bin")
    assert hashlib.sha256(CONTENT).hexdigest() in str(caught.value)
    assert hashlib.sha256(origin.content).hexdigest() in str(caught.value)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(("content", "what"), [(CONTENT[:-1], "shorter"), (CONTENT + b"!", "longer")])
def test_another_size_never_lands(origin: Origin, tmp_path: Path, content: bytes, what: str) -> None:
    origin.content = content
    with pytest.raises(UserError, match=f"is {what} than the 300,000 bytes it should"):
        download(origin.file(), tmp_path / "data.bin", pause=0.0)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_of_a_head_file_only_the_first_bytes_are_kept(origin: Origin, tmp_path: Path, ranges: bool) -> None:
    origin.ranges = ranges
    head = origin.file(head=True, size=1_000, sha256=hashlib.sha256(CONTENT[:1_000]).hexdigest())
    download(head, tmp_path / "data.bin")
    assert origin.asked == ["bytes=0-999"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT[:1_000]


def test_a_missing_page_is_an_error_at_once(origin: Origin, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="answered 404"):
        download(origin.file(url=f"{origin.url}.gone"), tmp_path / "data.bin", pause=60.0)
    assert len(origin.asked) == 1


def test_no_server_is_one_sentence_that_names_the_way_out(origin: Origin, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/data.bin"
    with pytest.raises(UserError, match=r"the server cannot be reached.*STEERBENCH_DATA"):
        download(origin.file(url=url), tmp_path / "data.bin", pause=0.0)


def test_a_folder_that_cannot_be_made_is_one_sentence(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        download(origin.file(), tmp_path / "file" / "data.bin")


@pytest.fixture
def blob(tmp_path: Path) -> str:
    """What git says of the content."""
    (tmp_path / "content").write_bytes(CONTENT)
    command = ["git", "hash-object", "--no-filters", str(tmp_path / "content")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "content").unlink()
    return printed


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_of_unknown_size_is_had_by_its_blob_id_whatever_stood_there(
    origin: Origin, blob: str, tmp_path: Path, ranges: bool
) -> None:
    origin.ranges = ranges
    for kept in (b"", CONTENT[:123_456], CONTENT, CONTENT + b"more", b"x" * 1000):
        (tmp_path / "data.bin.partial").write_bytes(kept)
        download(origin.file_by_blob(blob), tmp_path / "data.bin", pause=0.0)
        assert (tmp_path / "data.bin").read_bytes() == CONTENT
        assert leftovers(tmp_path) == ["data.bin"]
        (tmp_path / "data.bin").unlink()
    if ranges:
        # Nothing kept; continued; complete; too long (asked, refused, begun again); damaged (continued, begun again).
        assert origin.asked == ["", "bytes=123456-", "bytes=300000-", "bytes=300004-", "", "bytes=1000-", ""]


def test_a_file_of_unknown_size_that_comes_in_pieces_is_put_together(origin: Origin, blob: str, tmp_path: Path) -> None:
    origin.cut = 8 * CHUNK
    download(origin.file_by_blob(blob), tmp_path / "data.bin", pause=0.0)
    assert origin.asked == ["", "bytes=131072-", "bytes=262144-"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_file_of_unknown_size_with_another_blob_id_never_lands(origin: Origin, blob: str, tmp_path: Path) -> None:
    origin.content = CONTENT[:-1]
    with pytest.raises(UserError, match=f"git blob id should be {blob}"):
        download(origin.file_by_blob(blob), tmp_path / "data.bin")
    assert leftovers(tmp_path) == []


def test_a_file_of_unknown_size_that_keeps_breaking_off_says_how_far_it_came(
    origin: Origin, blob: str, tmp_path: Path
) -> None:
    origin.cut = CHUNK
    with pytest.raises(UserError, match="stopped at 81,920 of an unknown number of bytes"):
        download(origin.file_by_blob(blob), tmp_path / "data.bin", pause=0.0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB; mounting one takes root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED, full disk: a tmpfs cannot be mounted ({mounted.stderr.strip()})")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_one_sentence_and_leaves_it_empty(origin: Origin, small_disk: Path) -> None:
    with pytest.raises(UserError, match=r"is full: folder/data\.bin needs 300,000 bytes; .*STEERBENCH_CACHE"):
        download(origin.file(), small_disk / "data.bin")
    assert leftovers(small_disk) == []
