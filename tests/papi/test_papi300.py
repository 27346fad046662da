"""The published files: read as they are meant, and refused where they are broken."""

import json
from pathlib import Path

import numpy as np
import pytest

from steerbench.contracts.targets import Item
from steerbench.datasets.fetch import path_of
from steerbench.errors import UserError
from tasks.papi.dataset import load
from tasks.papi.inventory import Inventory
from tasks.papi.papi300 import read_items, read_people, read_split

ITEMS = (Item("1", "Sing.", "You sing.", "E", "Song", 1), Item("2", "Hide.", "You hide.", "E", "Song", -1))


def people_file(folder: Path, rows: object) -> Path:
    path = folder / "papi" / "Test-set.json"
    path.parent.mkdir()
    path.write_text(json.dumps(rows))
    return path


def test_stored_values_become_ticks_and_nothing_but_answers_is_kept(tmp_path: Path) -> None:
    rows = [{"case": 7, "i1": 5, "i2": 5, "age": 14}, {"case": 8, "i1": 0, "i2": 0, "age": 99}]
    first, second = read_people(people_file(tmp_path, rows), ITEMS)
    assert vars(first) == {"id": "7", "answers": {"1": 5, "2": 1}}
    assert vars(second) == {"id": "8", "answers": {"1": 0, "2": 0}}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"i2": 9}, "papi/Test-set.json row 17: i2 is 9, outside 0 to 5."),
        ({"i2": -1}, "papi/Test-set.json row 17: i2 is -1, outside 0 to 5."),
        ({"i2": "3"}, "papi/Test-set.json row 17: i2 is 3, outside 0 to 5."),
        ({"i2": True}, "papi/Test-set.json row 17: i2 is True, outside 0 to 5."),
        ({"case": 3}, "papi/Test-set.json row 17: case 3 is in row 4 too."),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, change: dict[str, object], sentence: str) -> None:
    rows = [{"case": n, "i1": 1, "i2": 1} for n in range(20)]
    rows[16] |= change
    with pytest.raises(UserError) as caught:
        read_people(people_file(tmp_path, rows), ITEMS)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({}, "has to be a list"),
        ([3], "row 1: there is no person"),
        ([{"case": 1, "i1": 1}], "row 1: i2 is missing"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, rows: object, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read_people(people_file(tmp_path, rows), ITEMS)


def test_text_that_is_no_json_and_a_key_that_is_no_sheet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        read_people(path, ITEMS)
    with pytest.raises(UserError, match=r"not a readable \.xls"):
        read_items(path)


@pytest.mark.parametrize("split", [{"train_index": [1], "test_index": [1, 2]}, {"train_index": [1], "test_index": []}])
def test_a_split_that_is_no_partition_is_refused(tmp_path: Path, split: object) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps(split))
    with pytest.raises(UserError, match="each of the 2 statements exactly once"):
        read_split(path, ITEMS)


def test_unknown_names_get_near_misses_and_limits_below_one_are_refused() -> None:
    with pytest.raises(UserError, match="no PAPI inventory 'papi-30'; did you mean 'papi-300'"):
        load("papi-30")
    with pytest.raises(UserError, match="limit of respondents is 0"):
        load("sample", limit=0)


@pytest.fixture(scope="module")
def published() -> Inventory:
    return load("papi-300")


def facet_alphas(inventory: Inventory, scores: np.ndarray) -> list[float]:
    """Cronbach's alpha of each facet over people without a missing answer in it."""
    alphas = []
    for facet in dict.fromkeys(item.facet for item in inventory.items):
        columns = [n for n, item in enumerate(inventory.items) if item.facet == facet]
        block = scores[:, columns]
        block = block[~np.isnan(block).any(axis=1)]
        k = len(columns)
        alphas.append(k / (k - 1) * (1 - block.var(axis=0, ddof=1).sum() / block.sum(axis=1).var(ddof=1)))
    return alphas


@pytest.mark.real_data
def test_the_published_inventory_has_the_counts_its_files_are_known_for(published: Inventory) -> None:
    assert published.ticks.shape == (300, 300)
    assert (published.ticks == 0).sum() == 52
    assert [item.id for item in published.items] == [str(n) for n in range(1, 301)]
    key = {item.id: item.key for item in published.items}
    assert (len(published.shown), sum(key[i] == -1 for i in published.shown)) == (120, 55)
    assert (len(published.asked), sum(key[i] == -1 for i in published.asked)) == (180, 93)
    assert len({item.facet for item in published.items}) == 30


@pytest.mark.real_data
def test_answers_belong_to_the_statement_of_their_full_number_and_are_keyed_right(published: Inventory) -> None:
    ticks = np.where(published.ticks == 0, np.nan, published.ticks)
    key = np.array([item.key for item in published.items])
    alphas = facet_alphas(published, np.where(key == 1, ticks, 6 - ticks))
    assert len(alphas) == 30
    assert np.mean(alphas) == pytest.approx(0.88, abs=0.005)
    assert np.mean(facet_alphas(published, ticks)) < 0


@pytest.mark.real_data
def test_ticks_mirror_the_stored_values_of_reverse_keyed_items_and_stored_keys_do_not(published: Inventory) -> None:
    rows = json.loads(path_of("papi-300", "Test-set.json").read_text())
    stored = load("papi-300", keys="stored")
    (exploiting,) = [item for item in published.items if item.id == "249"]
    assert exploiting.key == -1
    for one, other, row in zip(published.people, stored.people, rows, strict=True):
        value = row["i249"]
        assert (one.id, other.id) == (str(row["case"]),) * 2
        assert one.answers["249"] == (6 - value if value else 0)
        assert all(other.answers[str(n)] == row[f"i{n}"] for n in range(1, 301))
