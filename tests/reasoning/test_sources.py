"""The published datasets: what their files are known for."""

import itertools
import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from steerbench.datasets.fetch import path_of
from steerbench.datasets.registry import dataset
from steerbench.errors import UserError
from steerbench.toolkit.reading.letters import LETTERS
from steerbench.toolkit.rows import json_list
from tasks.reasoning import open_answers
from tasks.reasoning.answers import extract
from tasks.reasoning.problems import Problem
from tasks.reasoning.sources import SOURCES, digest, examples, load, names, with_repeats

SIZES = {
    "gsm8k": 1319,
    "addsub": 395,
    "multiarith": 600,
    "svamp": 1000,
    "commonsenseqa": 1221,
    "strategyqa": 2290,
    "bigbench-date": 369,
    "coin-flip": 500,
    "mmlu": 1599,
    "socialiqa": 1954,
}
REPEATED = {"multiarith": 20, "strategyqa": 1, "mmlu": 12, "socialiqa": 24}


def test_every_source_is_in_the_registry_with_its_files_and_a_licence() -> None:
    for name, source in SOURCES.items():
        assert {*source.files, *source.examples} <= {known.path for known in dataset(name).files}
        assert source.licence == dataset(name).licence != ""
    assert set(names()) == {*SIZES, "arithmetic-sample", "coin-flip-sample"}


def test_the_samples_need_no_data_and_have_a_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STEERBENCH_DATA", str(tmp_path))
    for name, kind in (("arithmetic-sample", "number"), ("coin-flip-sample", "yes-no")):
        problems = load(name)
        assert len(problems) == 200
        assert {problem.kind for problem in problems} == {kind}
        assert examples(name) == ()
    assert len({digest(name) for name in names()}) == len(names())


def test_an_unknown_dataset_gets_near_misses() -> None:
    with pytest.raises(UserError, match="no reasoning dataset 'gsm8'; did you mean 'gsm8k'"):
        load("gsm8")


@pytest.mark.real_data
@pytest.mark.parametrize("name", SIZES)
def test_a_dataset_has_its_known_size_distinct_ids_stripped_texts_and_a_right_answer(name: str) -> None:
    problems = load(name)
    assert len(problems) == len({problem.id for problem in problems}) == SIZES[name]
    assert sum("repeats" in problem.meta for problem in problems) == REPEATED.get(name, 0)
    for problem in problems:
        assert problem.kind == SOURCES[name].kind
        assert problem.question == problem.question.strip() != ""
        assert bool(problem.choices) == (problem.kind in ("letter", "text-letters"))
        assert all(choice == choice.strip() != "" for choice in problem.choices)
        assert problem.gold
        for answer in problem.gold:
            assert extract(f" {answer}.", problem.kind, problem.choices).answer == answer


@pytest.mark.real_data
def test_gsm8k_results_keep_thousands_and_minus_signs() -> None:
    problems = load("gsm8k")
    results = [re.sub(r".*#### ", "", row["answer"], flags=re.S) for row in _raw_lines("gsm8k", "test.jsonl")]
    assert [p.gold for p in problems] == [(result.replace(",", ""),) for result in results]
    assert (sum("," in result for result in results), sum(p.gold[0].startswith("-") for p in problems)) == (14, 2)
    assert not any("<<" in p.meta["solution"] or "####" in p.meta["solution"] for p in problems)
    assert len(examples("gsm8k")) == 100


@pytest.mark.real_data
def test_the_result_of_every_gsm8k_solution_is_read_from_its_text() -> None:
    for problem in load("gsm8k") + examples("gsm8k"):
        for text in (f"{problem.meta['solution']}\n#### {problem.gold[0]}", f"So it is {problem.gold[0]}."):
            assert extract(text, "number", stage="chain").answer == problem.gold[0]
    for file_name in SOURCES["gsm8k"].files + SOURCES["gsm8k"].examples:
        problems = open_answers.gsm8k(path_of("gsm8k", file_name))
        for row, problem in zip(_raw_lines("gsm8k", file_name), problems, strict=True):
            unmarked = open_answers.CALCULATION.sub("", row["answer"])
            assert extract(unmarked, "number", stage="chain").answer == problem.gold[0]


@pytest.mark.real_data
def test_gsm8k_solutions_without_any_mark_are_read_by_their_last_line_or_not_at_all() -> None:
    problems = load("gsm8k") + examples("gsm8k")
    readings = [extract(problem.meta["solution"], "number", stage="chain") for problem in problems]
    right = sum(problem.right(reading.answer or "") for problem, reading in zip(problems, readings, strict=True))
    silent = sum(reading.answer is None for reading in readings)
    assert (len(problems), right, silent) == (1419, 1405, 8)


@pytest.mark.real_data
def test_the_explanations_of_strategyqa_and_the_texts_of_choices_are_read_as_the_right_answers() -> None:
    for problem in load("strategyqa"):
        assert extract(problem.meta["explanation"], "yes-no").answer in problem.gold
    for name in ("commonsenseqa", "bigbench-date", "mmlu", "socialiqa"):
        for problem in load(name):
            letter, right = problem.gold[0], problem.choices[LETTERS.index(problem.gold[0])]
            assert extract(f"{letter}) {right}", problem.kind, problem.choices).answer == letter
            chain = f"Think of it. The answer is ({letter}) {right}."
            assert extract(chain, problem.kind, problem.choices, "chain").answer == letter
            if problem.kind == "text-letters":
                assert extract(right, problem.kind, problem.choices).answer in problem.gold


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["addsub", "multiarith", "svamp"])
def test_results_solve_the_equations_of_the_word_problems(name: str) -> None:
    wrong = []
    for problem, row in zip(load(name), json_list(path_of(name, SOURCES[name].files[0])), strict=True):
        fields = row.fields
        equation = str(f"X = {fields['Equation']}" if name == "svamp" else fields["lEquations"][0]).upper()
        exact = re.sub(r"(\d*\.\d+|\d+)", r"Fraction('\1')", equation)
        names = {"Fraction": Fraction, "X": Fraction(problem.gold[0])}
        left, *right = (eval(side, names) for side in exact.split("="))
        if any(abs(left - side) > Fraction(1, 10**6) for side in right):
            wrong.append(problem.id)
    assert wrong == (["264"] if name == "addsub" else [])


@pytest.mark.real_data
def test_decimals_that_never_end_may_be_written_as_fractions_and_others_have_one_form() -> None:
    problems = {problem.id: problem for problem in load("addsub")}
    assert problems["264"].gold == ("0.53",)
    several = [problem for problem in problems.values() if len(problem.gold) > 1]
    assert len(several) == 29
    assert all(any("/" in gold for gold in problem.gold) for problem in several)
    assert sum(Fraction(problem.gold[0]).denominator > 1 for problem in problems.values()) == 126


@pytest.mark.real_data
def test_blanks_before_punctuation_are_gone_from_the_arithmetic_texts() -> None:
    for name in ("addsub", "multiarith"):
        assert not [p.question for p in load(name) if re.search(r" [.,;?!]|\$ \d", p.question)]


@pytest.mark.real_data
def test_the_wrong_label_of_svamp_is_corrected_and_says_so() -> None:
    (corrected,) = [problem for problem in load("svamp") if "corrected" in problem.meta]
    assert (corrected.id, corrected.gold, corrected.meta["stored"]) == ("chal-680", ("5",), "1.0")


@pytest.mark.real_data
def test_svamp_bodies_that_stop_in_a_clause_are_joined_by_a_comma() -> None:
    questions = {problem.id: problem.question for problem in load("svamp")}
    rows = [row.fields for row in json_list(path_of("svamp", "SVAMP.json"))]
    open_ended = [row for row in rows if row["Body"].strip()[-1] not in ".?!"]
    assert len(open_ended) == 358
    for row in open_ended:
        assert questions[row["ID"]].startswith(row["Body"].strip() + ", ")
        assert questions[row["ID"]].lower().endswith(row["Question"].lower())


@pytest.mark.real_data
def test_the_right_date_is_spread_over_the_letters_and_stays_where_it_is() -> None:
    problems = load("bigbench-date")
    places = Counter(problem.gold[0] for problem in problems)
    assert set(places) == set("ABCDEF")
    assert max(places.values()) < 0.25 * len(problems)
    assert problems == load("bigbench-date")
    assert [problem.gold[0] for problem in problems[:8]] == list("CFDADBAC")
    for problem, row in zip(problems, json_list(path_of("bigbench-date", "task.json"), "examples"), strict=True):
        scores = row.fields["target_scores"]
        assert sorted(problem.choices) == sorted(scores)
        assert scores[problem.choices[LETTERS.index(problem.gold[0])]] == 1


@pytest.mark.real_data
def test_any_letter_with_the_right_text_counts_as_right() -> None:
    several = {name: [p for p in load(name) if len(p.gold) > 1] for name in ("commonsenseqa", "mmlu", "socialiqa")}
    assert {name: len(found) for name, found in several.items()} == {"commonsenseqa": 6, "mmlu": 1, "socialiqa": 1}
    for problem in itertools.chain(*several.values()):
        assert len({problem.choices[LETTERS.index(letter)] for letter in problem.gold}) == 1
        assert problem.right(problem.gold[1])
        assert not problem.right(next(x for x in LETTERS[: len(problem.choices)] if x not in problem.gold))


@pytest.mark.real_data
def test_right_answers_are_those_of_the_files() -> None:
    for problem, row in zip(load("commonsenseqa"), _raw_lines("commonsenseqa", "dev_rand_split.jsonl"), strict=True):
        assert row["answerKey"] in problem.gold
        assert problem.choices == tuple(choice["text"] for choice in row["question"]["choices"])
    for problem, row in zip(load("socialiqa"), _raw_lines("socialiqa", "dev.jsonl"), strict=True):
        assert {problem.choices[LETTERS.index(letter)] for letter in problem.gold} == {row["answer"]}
    strategyqa = json.loads(path_of("strategyqa", "task.json").read_text())["examples"]
    for problem, row in zip(load("strategyqa"), strategyqa, strict=True):
        assert row["target"].lower().startswith(problem.gold[0])
    assert Counter(p.gold[0] for p in load("strategyqa")) == {"no": 1219, "yes": 1071}
    assert Counter(p.gold[0] for p in load("coin-flip")) == {"no": 247, "yes": 253}


@pytest.mark.real_data
def test_mmlu_answers_are_counted_from_zero_and_questions_keep_their_line_breaks() -> None:
    problems = load("mmlu")
    psychology = [problem for problem in problems if problem.meta["subject"] == "high school psychology"]
    assert len(psychology) == 545
    assert sum("D" in problem.gold for problem in psychology) == 190
    assert sum("\n" in problem.question for problem in problems) == 9
    assert Counter(problem.meta["subject"] for problem in examples("mmlu")) == dict.fromkeys(
        {problem.meta["subject"] for problem in problems}, 5
    )
    (solved,) = [p for p in problems if p.id == "elementary_mathematics_test-1"]
    assert solved.gold == ("C",)


def test_repeated_questions_stay_and_name_the_first_and_repeated_ids_are_refused() -> None:
    one, two, three = (Problem(ident, "Up?", "yes-no", ("yes",)) for ident in "abc")
    marked = with_repeats([one, two, three], "set")
    assert [problem.meta.get("repeats") for problem in marked] == [None, "a", "a"]
    other = Problem("d", "Up?", "letter", ("A",), ("yes", "no"))
    assert "repeats" not in with_repeats([one, other], "set")[1].meta
    with pytest.raises(UserError, match="set: the id a is in two rows"):
        with_repeats([one, one], "set")


def _raw_lines(name: str, path: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in path_of(name, path).read_text(encoding="utf-8").split("\n") if line]
