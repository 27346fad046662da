"""Rows that are no problems are refused by file and row, with what to do."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.toolkit.rows import json_list
from tasks.reasoning import multiple_choice, open_answers
from tasks.reasoning.problems import Problem

ADDSUB = {"iIndex": 1, "sQuestion": "How many ?", "lSolutions": ["4"]}
SVAMP = {"ID": "chal-1", "Body": "There are 2.", "Question": "How many?", "Answer": 2.0}
CHOICES = [{"label": "A", "text": "bank"}, {"label": "B", "text": "mall"}]
COMMON = {"id": "x", "answerKey": "A", "question": {"stem": "Where?", "choices": CHOICES}}
DATE = {"input": "When?", "target_scores": {"05/01/2021": 1, "06/01/2021": 0}}
SOCIAL = {"context": "She left.", "question": "Why?", "options": ["late", "ill"], "answer": "ill"}
HEADER = "question,choice0,choice1,choice2,choice3,answer\n"
Reader = Callable[[Path], list[Problem]]

BROKEN: list[tuple[Reader, str, object, str]] = [
    (open_answers.gsm8k, "a.jsonl", [{"question": "How many?"}], "line 1: the field 'answer' is missing or empty"),
    (open_answers.gsm8k, "a.jsonl", [{"question": "How many?", "answer": "It is 5."}], "line 1: .* no result after"),
    (open_answers.gsm8k, "a.jsonl", [{"question": "How many?", "answer": "#### five"}], "'five' is not a number"),
    (open_answers.gsm8k, "a.jsonl", [{"question": 5, "answer": "#### 5"}], "the field 'question' is not text"),
    (open_answers.gsm8k, "a.jsonl", "\n{'question'\n", "set/a.jsonl line 2 is not valid JSON"),
    (open_answers.gsm8k, "a.jsonl", "[1]\n", "set/a.jsonl line 1: the row is not an object"),
    (open_answers.word_problems, "a.json", [ADDSUB, ADDSUB | {"lSolutions": []}], "row 2: .* not a list of one result"),
    (open_answers.word_problems, "a.json", [ADDSUB | {"lSolutions": ["x"]}], "row 1: the result 'x' is not a number"),
    (open_answers.word_problems, "a.json", [ADDSUB | {"lSolutions": [None]}], "the result None is not a number"),
    (open_answers.word_problems, "a.json", [ADDSUB | {"iIndex": "1"}], "'iIndex' is not a whole number"),
    (open_answers.word_problems, "a.json", [ADDSUB | {"sQuestion": "  "}], "'sQuestion' is missing or empty"),
    (open_answers.word_problems, "a.json", {"rows": []}, "set/a.json has no list of rows;"),
    (open_answers.svamp, "a.json", [SVAMP | {"Answer": True}], "the result True is not a number"),
    (open_answers.svamp, "a.json", '[{"ID":"c","Body":"B.","Question":"Q?","Answer":NaN}]', "is not a finite number"),
    (open_answers.svamp, "a.json", '[{"ID":"c","Body":"B.","Question":"Q?","Answer":1e99}]', "is not a finite number"),
    (open_answers.coin_flip, "a.json", {"examples": [{"question": "Up?", "answer": "maybe"}]}, "neither yes nor no"),
    (open_answers.coin_flip, "a.json", {"rows": []}, "no list of rows in its field 'examples'"),
    (
        open_answers.strategyqa,
        "a.json",
        {"examples": [{"input": "Is it?", "target": "Yes.", "target_scores": {"Yes": 1, "No": 1}}]},
        "row 1: 2 answers have the target score 1",
    ),
    (
        open_answers.strategyqa,
        "a.json",
        {"examples": [{"input": "Is it?", "target": "Yes.", "target_scores": {"Yes": 1, "Maybe": 0}}]},
        "not those of Yes and No",
    ),
    (open_answers.strategyqa, "a.json", {"examples": [{"input": "Is it?"}]}, "does not give each answer 0 or 1"),
    (multiple_choice.commonsenseqa, "a.jsonl", [COMMON | {"answerKey": "C"}], "answer 'C' is not one of the choices"),
    (multiple_choice.commonsenseqa, "a.jsonl", [COMMON | {"question": "Where?"}], "has no list of choices"),
    (
        multiple_choice.commonsenseqa,
        "a.jsonl",
        [COMMON, COMMON | {"question": {"stem": "Where?", "choices": [CHOICES[1], CHOICES[0]]}}],
        r"line 2: the choices are labelled \['B', 'A'\]",
    ),
    (
        multiple_choice.commonsenseqa,
        "a.jsonl",
        [COMMON | {"question": {"stem": "Where?", "choices": CHOICES[:1]}}],
        "there are 1 choices",
    ),
    (multiple_choice.bigbench_date, "a.json", {"examples": [DATE | {"target_scores": {"a": 0}}]}, "0 dates have"),
    (multiple_choice.bigbench_date, "a.json", {"examples": [DATE, {"input": "When?"}]}, "row 2: .*each date 0 or 1"),
    (multiple_choice.socialiqa, "a.jsonl", [SOCIAL | {"answer": "lost"}], "'lost' is not one of the choices"),
    (multiple_choice.socialiqa, "a.jsonl", [SOCIAL | {"options": ["late", ""]}], "not a list of texts"),
    (multiple_choice.mmlu, "a_test.csv", "What?,1,2,3,4,A\n", "instead of the header"),
    (multiple_choice.mmlu, "a_test.csv", HEADER + "What?,1,2,3,4,A\n", "row 1: the right answer 'A' is not one"),
    (multiple_choice.mmlu, "a_test.csv", HEADER + "What?,1,2,3,4\n", "there are 5 cells instead of 6"),
    (multiple_choice.mmlu, "a_test.csv", HEADER + "What?,1,,3,4,0\n", "'choice1' is missing or empty"),
    (multiple_choice.mmlu, "a_test.csv", HEADER + '"What?,1,2,3,4,0\n', "is not valid CSV"),
    (multiple_choice.mmlu, "a_test.csv", "", "instead of the header"),
]


def file(folder: Path, name: str, content: object) -> Path:
    path = folder / "set" / name
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif name.endswith("jsonl"):
        assert isinstance(content, list)
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
    else:
        path.write_text(json.dumps(content))
    return path


def test_decimals_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = file(tmp_path, "set.json", '[{"n": 0.1, "m": 5.20}]')
    (row,) = json_list(path)
    assert row.fields == {"n": Decimal("0.1"), "m": Decimal("5.20")}


@pytest.mark.parametrize(("reader", "name", "content", "complaint"), BROKEN)
def test_a_broken_row_is_named_with_what_to_do(
    tmp_path: Path, reader: Reader, name: str, content: object, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        reader(file(tmp_path, name, content))
    assert re.search(r"set/a\w*\.\w+", str(caught.value))
    assert re.search("leave it out|fetch the published file", str(caught.value))


def test_bytes_that_are_no_text_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    path = file(tmp_path, "a.jsonl", "")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"set/a\.jsonl is not UTF-8"):
        open_answers.gsm8k(path)
    with pytest.raises(UserError, match="cannot be read"):
        open_answers.gsm8k(tmp_path / "absent.jsonl")
