"""What the embedded model wrote about 203 published problems, and what a reader says it answered.

`answer_says` and `chain_says` are labels given by reading the two texts (null: no answer is stated), before extraction
had been run on any of them; `finished` is whether the model ended its chain itself. Extraction was mended on the other
rows before it saw those with `held_out`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.reasoning.answers import Reading, Stage, extract
from tasks.reasoning.problems import Problem
from tasks.reasoning.sources import load

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "traces.jsonl").read_text(encoding="utf-8").splitlines()
]

CUT_OFF = {
    ("gsm8k", "test-565"),
    ("addsub", "183"),
    ("svamp", "chal-596"),
    ("svamp", "chal-631"),
    ("svamp", "chal-876"),
}
"""Chains that the limit of tokens cut off just behind a sentence with a result. The reader, who did not know of the
limit, took it for the answer; extraction reads no closing sentence there."""


@pytest.fixture(scope="module")
def problems() -> dict[tuple[str, str], Problem]:
    names = {row["dataset"] for row in ROWS}
    return {(name, problem.id): problem for name in names for problem in load(name)}


def read(problems: dict[tuple[str, str], Problem], row: dict[str, Any], stage: Stage) -> Reading:
    problem = problems[row["dataset"], row["id"]]
    return extract(row[stage], problem.kind, problem.choices, stage, finished=row["finished"])


def test_there_are_traces_of_eight_datasets_with_and_without_an_answer() -> None:
    assert len(ROWS) == len({(row["dataset"], row["id"]) for row in ROWS}) == 203
    assert len({row["dataset"] for row in ROWS}) == 8
    assert sum(row["held_out"] for row in ROWS) == 72
    assert sum(row["answer_says"] is not None for row in ROWS) == 192
    assert sum(row["chain_says"] is not None for row in ROWS) == 67


@pytest.mark.real_data
def test_what_follows_the_answer_prompt_is_read_as_a_reader_reads_it(problems: dict[tuple[str, str], Problem]) -> None:
    assert [row for row in ROWS if read(problems, row, "answer").answer != row["answer_says"]] == []


@pytest.mark.real_data
def test_chains_are_read_as_a_reader_reads_them_unless_cut_off(problems: dict[tuple[str, str], Problem]) -> None:
    readings = [(row, read(problems, row, "chain").answer) for row in ROWS]
    unlike = {(row["dataset"], row["id"]): answer for row, answer in readings if answer != row["chain_says"]}
    assert unlike == dict.fromkeys(CUT_OFF)


@pytest.mark.real_data
def test_no_trace_repeats_ten_words_of_its_question(problems: dict[tuple[str, str], Problem]) -> None:
    for row in ROWS:
        words = problems[row["dataset"], row["id"]].question.lower().split()
        written = " ".join(f"{row['chain']} {row['answer']}".lower().split())
        assert not any(" ".join(words[at : at + 10]) in written for at in range(len(words) - 9))
