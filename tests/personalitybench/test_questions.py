"""The questions: where they come from, how they are limited, and what is no question."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from steerbench import bank
from steerbench.contracts.targets import TRAITS, Item
from steerbench.errors import UserError
from tasks.personalitybench.questions import load, spread


def written(folder: Path, *lines: str | Mapping[str, object]) -> str:
    path = folder / "own.jsonl"
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines), "utf-8")
    return str(path)


def test_the_bank_has_twelve_questions_a_trait_to_measure_and_six_to_calibrate() -> None:
    questions = load("bank")
    assert Counter(item.trait for item in questions.test) == dict.fromkeys(TRAITS, 12)
    assert Counter(item.trait for item in questions.calibration) == dict.fromkeys(TRAITS, 6)
    assert questions.digests == {"bank": bank.digest()}


@pytest.mark.real_data
def test_the_published_questions_are_459_and_none_of_them_calibrates() -> None:
    questions = load("published")
    counts = Counter(item.trait for item in questions.test)
    assert counts == {"A": 90, "C": 89, "E": 90, "N": 100, "O": 90}
    assert len({item.id for item in questions.test}) == 459
    assert questions.calibration == bank.questions("calibration")
    assert not {item.text.lower() for item in questions.test} & {item.text.lower() for item in questions.calibration}


@pytest.mark.real_data
def test_a_published_questions_id_is_its_line() -> None:
    folder = Path(os.environ["STEERBENCH_DATA"]) / "npti" / "test"
    by_id = {item.id: item.text for item in load("published").test}
    for trait, name in (("N", "Neuroticism"), ("O", "Openness")):
        line = (folder / f"{name}.json").read_text(encoding="utf-8").split("\n")[16]
        assert by_id[f"{trait}-17"] == json.loads(line)["question"].strip()


def test_a_file_gives_its_own_questions_and_borrows_calibration_ones_if_it_has_none(tmp_path: Path) -> None:
    first: dict[str, object] = {"trait": "E", "facet": "Gregariousness", "question": " A party? ", "topic": "leisure"}
    alone = load(written(tmp_path, first, "", {"trait": "N", "question": "A storm?"}))
    assert alone.test == (
        Item("line-1", "A party?", trait="E", facet="Gregariousness"),
        Item("line-3", "A storm?", trait="N"),
    )
    assert alone.calibration == bank.questions("calibration")
    queue: dict[str, object] = {"trait": "E", "question": "A queue?", "part": "calibration"}
    both = load(written(tmp_path, first, queue, {"trait": "E", "question": "A stage?", "part": "search"}))
    assert [item.text for item in both.calibration] == ["A queue?"]
    assert [item.text for item in both.test] == ["A party?"]
    assert alone.digests["bank"] == bank.digest()
    assert set(both.digests) == {"file"}
    assert both.digests["file"] != alone.digests["file"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{'trait': 'E'}", "not valid JSON"),
        ('["E", "A party?"]', "object with the fields"),
        ({"trait": "X", "question": "A party?"}, "the trait is 'X'"),
        ({"trait": ["E"], "question": "A party?"}, "the trait is"),
        ({"question": "A party?"}, "the trait is None"),
        ({"trait": "E"}, "has no question"),
        ({"trait": "E", "question": "  "}, "has no question"),
        ({"trait": "E", "question": "A party?", "facet": 3}, "the facet is 3"),
        ({"trait": "E", "question": "A party?", "part": "train"}, "the part is 'train'"),
        ({"trait": "E", "question": "Alone?"}, "is in line 1 too"),
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str | dict[str, object], complaint: str) -> None:
    path = written(tmp_path, {"trait": "E", "question": "Alone?"}, line)
    with pytest.raises(UserError, match=complaint) as error:
        load(path)
    assert f"{path} line 2" in str(error.value)


def test_what_is_no_dataset_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'published'"):
        load("publishd")
    with pytest.raises(UserError, match="No such file"):
        load(str(tmp_path / "absent.jsonl"))
    (tmp_path / "own.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        load(str(tmp_path / "own.jsonl"))


def test_a_limit_takes_the_first_of_each_trait_facets_in_turn() -> None:
    questions = [
        Item(f"{trait}{facet}{number}", "", trait=trait, facet=facet)
        for trait in "EN"
        for facet in "abc"
        for number in range(3)
    ]
    assert [item.id for item in spread(questions, 2)] == ["Ea0", "Eb0", "Na0", "Nb0"]
    assert [item.id for item in spread(questions, 4)] == ["Ea0", "Ea1", "Eb0", "Ec0", "Na0", "Na1", "Nb0", "Nc0"]
    assert spread(questions, 99) == spread(questions, None) == questions
    without_facets = [Item(f"E{number}", "", trait="E") for number in range(5)]
    assert [item.id for item in spread(without_facets, 3)] == ["E0", "E1", "E2"]
