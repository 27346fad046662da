import csv
import json
import os
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import get_args

import pytest

from steerbench import bank
from steerbench.bank import Part, descriptions, digest, questions
from steerbench.contracts.targets import TRAITS, Item

ROOT = Path(__file__).parents[2]
INVENTORY = ROOT / "steerbench/bank/statements.csv"
POLES = [(trait, high) for trait in TRAITS for high in (True, False)]
RUN = 6


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def runs(text: str) -> set[tuple[str, ...]]:
    """Every six words that stand side by side."""
    said = words(text)
    return {tuple(said[start : start + RUN]) for start in range(len(said) - RUN + 1)}


def sentences(text: str) -> int:
    return len(re.findall(r"[.!?](?=\s|$)", text))


def jaccard(a: str, b: str) -> float:
    one, other = set(words(a)), set(words(b))
    return len(one & other) / len(one | other)


def every_question() -> list[Item]:
    return [item for part in get_args(Part) for item in questions(part)]


def every_description() -> list[str]:
    return [text for trait, high in POLES for text in descriptions(trait, high)]


def published() -> list[str]:
    folder = Path(os.environ["STEERBENCH_DATA"]) / "npti/test"
    lines = [line for file in sorted(folder.glob("*.json")) for line in file.read_text(encoding="utf-8").splitlines()]
    return [json.loads(line)["question"] for line in lines if line.strip()]


def test_each_facet_has_one_question_to_search_one_to_calibrate_and_two_to_test_on() -> None:
    wanted = {"search": 1, "calibration": 1, "test": 2}
    for part in get_args(Part):
        counts = Counter((item.trait, item.facet) for item in questions(part))
        assert len(counts) == 30
        assert set(counts.values()) == {wanted[part]}


def test_the_facets_and_their_numbers_are_those_of_the_inventory() -> None:
    with INVENTORY.open(encoding="utf-8") as file:
        inventory = {(row["id"][:2], row["trait"], row["facet"]) for row in csv.DictReader(file)}
    assert {(item.id.split("-")[0], item.trait, item.facet) for item in every_question()} == inventory


def test_an_id_says_which_part_a_question_belongs_to() -> None:
    for part in get_args(Part):
        endings = {"test1", "test2"} if part == "test" else {part}
        assert {item.id.split("-")[1] for item in questions(part)} == endings


def test_questions_of_one_trait_are_those_of_its_six_facets() -> None:
    assert {item.id[:2] for item in questions("search", "O")} == {f"O{number}" for number in range(1, 7)}
    assert [item for trait in TRAITS for item in questions("test", trait)] == sorted(
        questions("test"), key=lambda item: list(TRAITS).index(item.trait)
    )


def test_no_id_and_no_text_stands_twice() -> None:
    items = every_question()
    assert len({item.id for item in items}) == len({item.text for item in items}) == len(items) == 120
    assert len(set(every_description())) == 80


def test_a_question_is_a_short_scene_that_ends_in_a_question() -> None:
    odd = [
        item.id
        for item in every_question()
        if not 15 <= len(words(item.text)) <= 45 or sentences(item.text) > 3 or not item.text.endswith("?")
    ]
    assert odd == []


def test_no_text_names_its_trait_or_its_facet() -> None:
    stems = {"A": "agreeab", "C": "conscientious", "E": "extr[ao]ver", "N": "neurot", "O": r"\bopen(ness|-minded)"}
    for item in every_question():
        assert not re.search(stems[item.trait], item.text, re.IGNORECASE), item.id
        assert item.facet.lower() not in item.text.lower(), item.id
    for trait, high in POLES:
        assert not re.search(stems[trait], " ".join(descriptions(trait, high)), re.IGNORECASE), trait


def test_no_two_questions_share_six_words_in_a_row_or_are_nearly_the_same() -> None:
    alike = [
        (a.id, b.id)
        for a, b in combinations(every_question(), 2)
        if runs(a.text) & runs(b.text) or jaccard(a.text, b.text) >= 0.5
    ]
    assert alike == []


@pytest.mark.real_data
def test_no_question_repeats_a_published_one() -> None:
    theirs = published()
    assert len(theirs) > 400
    taken = {run for text in theirs for run in runs(text)}
    assert [item.id for item in every_question() if runs(item.text) & taken] == []
    alike = [(item.id, text) for item in every_question() for text in theirs if jaccard(item.text, text) >= 0.5]
    assert alike == []


@pytest.mark.real_data
def test_no_description_repeats_a_published_one() -> None:
    theirs = (Path(os.environ["STEERBENCH_DATA"]) / "npti/description.json").read_text(encoding="utf-8")
    assert len(words(theirs)) > 1000
    assert [text for text in every_description() if runs(text) & runs(theirs)] == []


@pytest.mark.parametrize(("trait", "high"), POLES)
def test_each_end_of_a_trait_has_eight_descriptions_in_the_first_person(trait: str, high: bool) -> None:
    texts = descriptions(trait, high)
    assert len(texts) == 8
    for text in texts:
        assert 25 <= len(words(text)) <= 55
        assert sentences(text) in (2, 3)
        assert {"i", "my", "me"} & set(words(text))


@pytest.mark.parametrize("trait", TRAITS)
def test_the_two_ends_of_a_trait_are_equally_long(trait: str) -> None:
    high, low = (sum(len(words(text)) for text in descriptions(trait, end)) for end in (True, False))
    assert abs(high - low) <= 0.1 * max(high, low)


@pytest.mark.parametrize(("trait", "high"), POLES)
def test_descriptions_of_one_end_have_no_sentence_in_common(trait: str, high: bool) -> None:
    parts = [part.strip() for text in descriptions(trait, high) for part in re.split(r"[.!?;:]", text) if part.strip()]
    assert len(set(parts)) == len(parts)
    for a, b in combinations(descriptions(trait, high), 2):
        assert not runs(a) & runs(b)
        assert jaccard(a, b) < 0.5


@pytest.mark.parametrize("name", ["questions.csv", "descriptions.csv"])
def test_the_digest_changes_with_a_text(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest()
    for file in Path(bank.__file__).parent.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(bank, "files", lambda package: tmp_path)
    assert digest() == before
    changed = (tmp_path / name).read_text(encoding="utf-8").replace(" a ", " the ", 1)
    (tmp_path / name).write_text(changed, encoding="utf-8")
    assert digest() != before
