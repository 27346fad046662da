"""The registry is complete, pinned and terse about what it does not know."""

import re

import pytest
from pydantic import ValidationError

from steerbench.contracts.targets import TRAITS
from steerbench.datasets.fetch import state_of, verify
from steerbench.datasets.registry import DataFile, datasets

NEVER_MIRRORED = "personalitybench-search"


def test_every_url_is_pinned_to_a_commit_and_ends_in_a_plain_path() -> None:
    pinned = re.compile(r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/[\w./-]+")
    urls = [file.url for one in datasets().values() for file in one.files if file.url]
    assert len(urls) == 42
    assert all(pinned.fullmatch(url) for url in urls)


def test_names_and_places_are_unique_and_only_one_file_cannot_be_downloaded() -> None:
    places = [(one.folder, file.path) for one in datasets().values() for file in one.files]
    assert len(set(places)) == len(places)
    assert len(datasets()) == 16
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


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"sha256": "0" * 64},
        {"size": 1},
        {"sha256": "0" * 64, "size": 1, "git_blob": "0" * 40},
        {"size": 1, "git_blob": "0" * 40},
        {"git_blob": "0" * 64},
    ],
)
def test_a_file_is_known_by_hash_and_size_or_by_its_blob_id(known: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DataFile.model_validate({"path": "a", "url": "https://example.org", **known})


def test_the_beginning_of_a_file_has_no_blob_id() -> None:
    with pytest.raises(ValidationError, match="needs a size"):
        DataFile(path="a", url="https://example.org", git_blob="0" * 40, head=True)


def test_the_search_questions_are_known_by_their_blob_ids_and_their_size_is_not() -> None:
    search = datasets()["personalitybench-search"]
    assert [file.path for file in search.files] == [f"search/{name.capitalize()}.json" for name in TRAITS.values()]
    assert {file.algorithm for file in search.files} == {"git blob id"}
    assert len({file.checksum for file in search.files}) == 5
    assert search.size is None
    assert "assumed" in search.note


def test_test_questions_persona_texts_and_neurons_are_two_datasets_in_one_folder() -> None:
    test, rest = datasets()["personalitybench"], datasets()["npti"]
    assert {file.path.split("/")[0] for file in test.files} == {"test"}
    assert [file.path for file in rest.files] == ["description.json", "neurons.jsonl.gz", "search_sample_tmp.json"]
    assert test.folder == rest.folder == "npti"


@pytest.mark.real_data
@pytest.mark.parametrize("name", datasets())
def test_the_local_files_are_the_published_ones(name: str) -> None:
    if name == NEVER_MIRRORED and all(state_of(datasets()[name], file) == "missing" for file in datasets()[name].files):
        pytest.skip(f"NOT TESTED, real data: the mirror does not hold {name}")
    assert verify(name) == []
