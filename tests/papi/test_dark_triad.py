"""The Short Dark Triad's files: read as they are meant, and refused where they are broken."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from steerbench.contracts.targets import TRAITS, Item, TraitPole
from steerbench.errors import UserError
from tasks.papi.dark_triad import read_codes, read_items, read_people
from tasks.papi.dataset import load
from tasks.papi.inventory import Inventory

DARK = ("machiavellianism", "narcissism", "psychopathy")
REVERSED = {"N2", "N6", "N8", "P2", "P7"}
CODES = [f"{letter}{number}" for letter in "MNP" for number in range(1, 10)]
ASKED = [f"{letter}{number}" for letter in "MNP" for number in (7, 8, 9)]
ITEMS = (Item("M1", "I lie.", "You lie.", DARK[0], "", 1), Item("N2", "I hide.", "You hide.", DARK[1], "", -1))


def write(path: Path, content: object) -> Path:
    path = path / "papi_dark_triad" / "file.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    return path


def test_answers_are_ticks_whatever_the_key_and_nothing_else_of_a_person_is_kept(tmp_path: Path) -> None:
    rows = [{"M1": 5, "N2": 5, "country": "XX", "source": 1}, {"M1": 0, "N2": 1, "country": "YY", "source": 2}]
    first, second = read_people(write(tmp_path, rows), ITEMS)
    assert vars(first) == {"id": "dark-001", "answers": {"M1": 5, "N2": 5}}
    assert vars(second) == {"id": "dark-002", "answers": {"M1": 0, "N2": 1}}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"M1": 1, "N2": 6}, "N2 is 6, outside 0 to 5"),
        ({"M1": -1, "N2": 1}, "M1 is -1, outside 0 to 5"),
        ({"M1": 1, "N2": "3"}, "N2 is 3, outside 0 to 5"),
        ({"M1": True, "N2": 3}, "M1 is True, outside 0 to 5"),
        ({"M1": 2.0, "N2": 3}, "M1 is 2.0, outside 0 to 5"),
        ({"M1": 2}, "N2 is missing"),
        ([1, 2], "the row is not an object with fields"),
    ],
)
def test_a_broken_row_is_named_with_its_file(tmp_path: Path, row: object, what: str) -> None:
    path = write(tmp_path, [{"M1": 1, "N2": 1}] * 16 + [row])
    with pytest.raises(UserError) as caught:
        read_people(path, ITEMS)
    assert str(caught.value).startswith(f"papi_dark_triad/file.json row 17: {what}; ")


def test_a_file_without_a_list_of_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"papi_dark_triad/file\.json has no list of rows"):
        read_people(write(tmp_path, {}), ITEMS)


def test_the_split_counts_statements_from_zero(tmp_path: Path) -> None:
    assert read_codes(write(tmp_path, {"train_index": [1], "test_index": [0]}), ITEMS) == (("N2",), ("M1",))


@pytest.mark.parametrize("asked", [[0, 1], [2], []])
def test_a_split_that_is_no_partition_is_refused(tmp_path: Path, asked: list[int]) -> None:
    path = write(tmp_path, {"train_index": [1], "test_index": asked})
    with pytest.raises(UserError, match="each of the 2 statements exactly once"):
        read_codes(path, ITEMS)


def test_an_item_key_that_is_no_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"file\.json is not a readable \.xls file"):
        read_items(write(tmp_path, "no sheet"))


def test_a_trait_beyond_the_big_five_goes_by_its_name() -> None:
    assert TraitPole("narcissism", True).id == "narcissism+"
    assert TraitPole("N", False).id == "neuroticism-"


# The published files


def stored() -> list[dict[str, Any]]:
    """The rows of the file as they are."""
    folder = Path(os.environ["STEERBENCH_DATA"]) / "papi_dark_triad"
    rows: list[dict[str, Any]] = json.loads((folder / "dark_triad_Test_set.json").read_text())
    return rows


@pytest.fixture(scope="module")
def published() -> Inventory:
    return load("papi-dark-triad")


@pytest.mark.real_data
def test_the_files_have_the_counts_they_are_known_for(published: Inventory) -> None:
    assert published.ticks.shape == (300, 27)
    assert [item.id for item in published.items] == CODES
    assert {item.id for item in published.items if item.key == -1} == REVERSED
    assert list(published.asked) == ASKED
    assert list(published.shown) == [code for code in CODES if code not in ASKED]
    assert np.flatnonzero((published.ticks == 0).any(axis=1)).tolist() == [293]
    assert (published.ticks[293] == 0).sum() == 17
    assert published.people[293].id == "dark-294"


@pytest.mark.real_data
def test_ticks_are_the_stored_values_and_the_published_protocol_sees_the_same(published: Inventory) -> None:
    for person, other, row in zip(published.people, load("papi-dark-triad", "stored").people, stored(), strict=True):
        assert person.answers == other.answers == {code: row[code] for code in CODES}


@pytest.mark.real_data
def test_no_trait_is_named_by_a_letter_of_the_big_five(published: Inventory) -> None:
    assert tuple(dict.fromkeys(item.trait for item in published.items)) == DARK
    assert not set(DARK) & set(TRAITS)
    narcissism = [item for item in published.items if item.trait == "narcissism"]
    assert [item.id for item in narcissism] == [f"N{number}" for number in range(1, 10)]


def item_rest(scores: NDArray[np.float64]) -> list[float]:
    """Correlation of each column with the mean of the others."""
    rest = [np.delete(scores, column, axis=1).mean(axis=1) for column in range(scores.shape[1])]
    return [float(np.corrcoef(scores[:, column], rest[column])[0, 1]) for column in range(scores.shape[1])]


def alpha(scores: NDArray[np.float64]) -> float:
    """Cronbach's alpha of [people, items]."""
    count = scores.shape[1]
    return float(count / (count - 1) * (1 - scores.var(axis=0, ddof=1).sum() / scores.sum(axis=1).var(ddof=1)))


@pytest.mark.real_data
def test_keyed_answers_go_together_and_ticks_of_reversed_items_go_apart(published: Inventory) -> None:
    complete = published.ticks[(published.ticks > 0).all(axis=1)].astype(np.float64)
    key = np.array([item.key for item in published.items])
    keyed = np.where(key == 1, complete, 6 - complete)
    alphas = []
    for trait in DARK:
        columns = [n for n, item in enumerate(published.items) if item.trait == trait]
        assert min(item_rest(keyed[:, columns])) > 0.3
        apart = {CODES[n] for n, r in zip(columns, item_rest(complete[:, columns]), strict=True) if r < 0}
        assert apart == {CODES[n] for n in columns} & REVERSED
        alphas += [alpha(keyed[:, columns]), alpha(complete[:, columns])]
    assert alphas == pytest.approx([0.92, 0.92, 0.89, 0.32, 0.89, 0.71], abs=0.005)


SAID = {
    "M1": "You think it's not wise to tell your secrets.",
    "M2": "You like to use clever manipulation to get your way.",
    "M3": "You think that, whatever it takes, you must get the important people on your side.",
    "M4": "You avoid direct conflict with others because they may be useful in the future.",
    "M5": "You think it's wise to keep track of information that you can use against people later.",
    "M6": "You think you should wait for the right time to get back at people.",
    "M7": "You think there are things you should hide from other people because they don't need to know.",
    "M8": "You make sure your plans benefit you, not others.",
    "M9": "You think most people can be manipulated.",
    "N1": "People see you as a natural leader.",
    "N2": "You hate being the center of attention.",
    "N3": "Many group activities tend to be dull without you.",
    "N4": "You know that you are special because everyone keeps telling you so.",
    "N5": "You like to get acquainted with important people.",
    "N6": "You feel embarrassed if someone compliments you.",
    "N7": "You have been compared to famous people.",
    "N8": "You are an average person.",
    "N9": "You insist on getting the respect you deserve.",
    "P1": "You like to get revenge on authorities.",
    "P2": "You avoid dangerous situations.",
    "P3": "You think payback needs to be quick and nasty.",
    "P4": "People often say you're out of control.",
    "P5": "It's true that you can be mean to others.",
    "P6": "People who mess with you always regret it.",
    "P7": "You have never gotten into trouble with the law.",
    "P8": "You enjoy having sex with people you hardly know.",
    "P9": "You'll say anything to get what you want.",
}


@pytest.mark.real_data
def test_every_statement_is_said_to_somebody_in_good_english(published: Inventory) -> None:
    assert {item.id: item.second_person for item in published.items} == SAID


@pytest.mark.real_data
def test_texts_are_mended_and_stripped(published: Inventory) -> None:
    path = Path(os.environ["STEERBENCH_DATA"]) / "papi_dark_triad" / "items_27.csv"
    with path.open(encoding="utf-8", newline="") as file:
        assert {item.id: item.text for item in published.items} == {
            row["item"]: row["text"] for row in csv.DictReader(file)
        }


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b"\x02\x00\x00M7", b"\x02\x00\x00X7", r"dark_triad\.xls row 8: .*'X7'.* is not a statement with the number 6"),
        (b"\x02\x00\x00N2", b"\x02\x00\x00N1", r"dark_triad\.xls row 12: the statement N1 is in an earlier row"),
        (b"I am an average person.", b" " * 23, r"dark_triad\.xls row 18: .*'N8'.* is not a statement"),
        (b"\x04\x00\x00Sign", b"\x04\x00\x00Sigh", r"dark_triad\.xls has the columns .*'Sigh'.* instead of"),
    ],
    ids=["code", "twice", "text", "columns"],
)
def test_a_broken_row_of_the_item_key_is_named(tmp_path: Path, old: bytes, new: bytes, sentence: str) -> None:
    sheet = (Path(os.environ["STEERBENCH_DATA"]) / "papi_dark_triad" / "dark_triad-ItemKey.xls").read_bytes()
    assert sheet.count(old) == 1
    (tmp_path / "dark_triad.xls").write_bytes(sheet.replace(old, new))
    with pytest.raises(UserError, match=sentence):
        read_items(tmp_path / "dark_triad.xls")
