"""The registry is complete, pinned and terse about what it does not know."""

import re

import pytest
from pydantic import ValidationError

from steerbench.datasets.fetch import verify
from steerbench.datasets.registry import DataFile, datasets


def test_every_url_is_pinned_to_a_commit_and_ends_in_a_plain_path() -> None:
    pinned = re.compile(r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/[\w./-]+")
    urls = [file.url for one in datasets().values() for file in one.files if file.url]
    assert len(urls) == 37
    assert all(pinned.fullmatch(url) for url in urls)


def test_names_and_places_are_unique_and_only_one_file_cannot_be_downloaded() -> None:
    places = [(one.folder, file.path) for one in datasets().values() for file in one.files]
    assert len(set(places)) == len(places)
    assert len(datasets()) == 14
    derived = [file.path for one in datasets().values() for file in one.files if file.derived]
    assert derived == ["neurons.jsonl.gz"]


def test_a_digest_changes_with_a_hash_or_a_name_but_not_with_the_order() -> None:
    one = datasets()["gsm8k"]
    first, second = one.files
    digests = [
        one.model_copy(update={"files": files}).digest
        for files in (
            (first, second),
            (second, first),
            (first.model_copy(update={"sha256": "0" * 64}), second),
            (first.model_copy(update={"path": "other.jsonl"}), second),
        )
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", ".hidden"])
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        DataFile(path=path, sha256="0" * 64, size=1, url="https://example.org")


def test_a_file_has_a_url_or_a_derivation_not_both_and_not_neither() -> None:
    for origin in ({}, {"url": "https://example.org", "derived": "by hand"}):
        with pytest.raises(ValidationError, match="either a url or a note"):
            DataFile(path="a", sha256="0" * 64, size=1, **origin)


@pytest.mark.real_data
@pytest.mark.parametrize("name", datasets())
def test_the_local_files_are_the_published_ones(name: str) -> None:
    assert verify(name) == []
