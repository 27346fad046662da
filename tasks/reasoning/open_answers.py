"""Readers of the datasets whose answer is a number, or yes or no; one function per format."""

import re
from decimal import Decimal
from pathlib import Path

from steerbench.toolkit.rows import FileRow, json_lines, json_list
from tasks.reasoning.numerals import right_forms
from tasks.reasoning.problems import Problem

RESULT = "####"
CALCULATION = re.compile(r"<<[^<>]*>>")

CORRECTED = {"chal-680": ("1.0", "5", "equation and text (4 - 2 + 3) give 5")}
"""SVAMP's row with a wrong result: the stored result, the correct one, and why."""


def gsm8k(path: Path) -> list[Problem]:
    """Question and worked solution; the result follows `####`. `meta["solution"]` is the solution without it.

    The calculator's annotations (`<<2+3=5>>`) are removed from the solution, which is used as an example.
    """
    problems = []
    for row in json_lines(path):
        solution, mark, result = row.text("answer").rpartition(RESULT)
        if not mark:
            raise row.broken(f"the answer has no result after {RESULT}")
        meta = {"solution": CALCULATION.sub("", solution).strip()}
        gold = right_forms(row.number_of(result))
        problems.append(Problem(f"{path.stem}-{row.number}", row.text("question"), "number", gold, meta=meta))
    return problems


def word_problems(path: Path) -> list[Problem]:
    """AddSub and MultiArith: `lSolutions` has one result, a text or a float. The id is `iIndex`."""
    problems = []
    for row in json_list(path):
        solutions, index = row.fields.get("lSolutions"), row.fields.get("iIndex")
        if not isinstance(solutions, list) or len(solutions) != 1:
            raise row.broken("the field 'lSolutions' is not a list of one result")
        if type(index) is not int:
            raise row.broken("the field 'iIndex' is not a whole number")
        gold = right_forms(row.number_of(solutions[0]))
        problems.append(Problem(str(index), tidy(row.text("sQuestion")), "number", gold))
    return problems


def tidy(text: str) -> str:
    """Removes the blanks that a tokenizer left before punctuation, before 's, and after a dollar sign."""
    return re.sub(r" +([.,;:?!])", r"\1", re.sub(r"\$ +(?=\d)", "$", re.sub(r" +('s\b)", r"\1", text)))


def svamp(path: Path) -> list[Problem]:
    """Body and question. A body that ends in a clause ("If each bag has 3") is joined to the question by a comma.

    The one wrong result (`CORRECTED`) is replaced, and `meta` says so.
    """
    problems = []
    for row in json_list(path):
        ident, body, question = row.text("ID"), row.text("Body"), row.text("Question")
        stored = row.number_of(row.fields.get("Answer"))
        gold, meta = right_forms(stored), {}
        if ident in CORRECTED and stored == Decimal(CORRECTED[ident][0]):
            published, corrected, why = CORRECTED[ident]
            gold, meta = (corrected,), {"stored": published, "corrected": why}
        problems.append(Problem(ident, _joined(body, question), "number", gold, meta=meta))
    return problems


def _joined(body: str, question: str) -> str:
    if body[-1] in ".?!":
        return f"{body} {question}"
    first = question.split()[0]
    return f"{body}, {question[0].lower() + question[1:] if first in ('How', 'What', 'Total') else question}"


def coin_flip(path: Path) -> list[Problem]:
    """Stories with the answer `yes` or `no`."""
    problems = []
    for row in json_list(path, "examples"):
        answer = row.text("answer").lower()
        if answer not in ("yes", "no"):
            raise row.broken(f"the answer {answer!r} is neither yes nor no")
        problems.append(Problem(str(row.number), row.text("question"), "yes-no", (answer,)))
    return problems


def strategyqa(path: Path) -> list[Problem]:
    """BIG-bench's format: `target_scores` has a 1 at Yes or at No. `meta["explanation"]` is the target's text."""
    problems = []
    for row in json_list(path, "examples"):
        gold = _only_right(row)
        if set(row.fields["target_scores"]) != {"Yes", "No"}:
            raise row.broken("the target scores are not those of Yes and No")
        meta = {"explanation": row.text("target")}
        problems.append(Problem(str(row.number), row.text("input"), "yes-no", (gold.lower(),), meta=meta))
    return problems


def _only_right(row: FileRow) -> str:
    scores = row.fields.get("target_scores")
    if not isinstance(scores, dict) or any(score not in (0, 1) for score in scores.values()):
        raise row.broken("the field 'target_scores' does not give each answer 0 or 1")
    right = [answer for answer, score in scores.items() if score == 1]
    if len(right) != 1:
        raise row.broken(f"{len(right)} answers have the target score 1 instead of one")
    return str(right[0])
