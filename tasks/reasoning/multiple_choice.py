"""Readers of the multiple-choice datasets, one function per format.

Choices get the letters A, B, C ... in order, whatever the file calls them. Every letter whose choice has the text of
the correct one counts as correct, because a few rows have the same text twice.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from steerbench.toolkit.reading.letters import LETTERS
from steerbench.toolkit.rows import FileRow, csv_records, json_lines, json_list
from tasks.reasoning.problems import Kind, Problem

SHUFFLE = "bigbench-date, 1"
"""Seed for the order of BIG-bench's dates. Another seed would make another dataset."""

_MMLU = ("question", "choice0", "choice1", "choice2", "choice3", "answer")


def commonsenseqa(path: Path) -> list[Problem]:
    """Five labelled choices; `answerKey` is the correct label. Ids are those of the file."""
    problems = []
    for row in json_lines(path):
        asked, key = row.fields.get("question"), row.text("answerKey")
        if not isinstance(asked, dict) or not isinstance(asked.get("choices"), list):
            raise row.broken("the field 'question' has no list of choices")
        inner = FileRow(row.number, row.where, asked)
        labelled = [FileRow(row.number, row.where, c) for c in asked["choices"] if isinstance(c, dict)]
        labels, texts = [c.text("label") for c in labelled], [c.text("text") for c in labelled]
        if labels != list(LETTERS[: len(labels)]) or len(labels) != len(asked["choices"]):
            raise row.broken(f"the choices are labelled {labels} instead of A, B, C and so on")
        if key not in labels:
            raise row.broken(f"the right answer {key!r} is not one of the choices")
        problems.append(_problem(row, row.text("id"), inner.text("stem"), "letter", texts, texts[labels.index(key)]))
    return problems


def bigbench_date(path: Path) -> list[Problem]:
    """Dates with a score of 0 or 1, ordered only by `SHUFFLE`, the row and the dates.

    In the file the correct date is nearly always first. The order uses hashes, so that no version of a random number
    generator can change it.
    """
    problems = []
    for row in json_list(path, "examples"):
        scores = row.fields.get("target_scores")
        if not isinstance(scores, dict) or any(score not in (0, 1) for score in scores.values()):
            raise row.broken("the field 'target_scores' does not give each date 0 or 1")
        right = [date for date, score in scores.items() if score == 1]
        if len(right) != 1:
            raise row.broken(f"{len(right)} dates have the score 1 instead of one")
        texts = sorted(scores, key=lambda date: hashlib.sha256(f"{SHUFFLE}|{row.number}|{date}".encode()).digest())
        problems.append(_problem(row, str(row.number), row.text("input"), "text-letters", texts, right[0]))
    return problems


def mmlu(path: Path) -> list[Problem]:
    """One subject: a header, four choices, and the correct one counted from 0."""
    subject = path.stem.rpartition("_")[0]
    problems = []
    for row in csv_records(path, _MMLU):
        texts, answer = [row.text(column) for column in _MMLU[1:5]], row.text("answer")
        if answer not in ("0", "1", "2", "3"):
            raise row.broken(f"the right answer {answer!r} is not one of the choices 0 to 3")
        problem = _problem(row, f"{path.stem}-{row.number}", row.text("question"), "letter", texts, texts[int(answer)])
        problems.append(Problem(**{**vars(problem), "meta": {"subject": subject.replace("_", " ")}}))
    return problems


def socialiqa(path: Path) -> list[Problem]:
    """A scene, a question about it and three options; the answer is the correct option's text."""
    problems = []
    for row in json_lines(path):
        options = row.fields.get("options")
        if not isinstance(options, list) or not all(isinstance(o, str) and o.strip() for o in options):
            raise row.broken("the field 'options' is not a list of texts")
        question = f"{row.text('context')} {row.text('question')}"
        texts = [option.strip() for option in options]
        problems.append(_problem(row, str(row.number), question, "text-letters", texts, row.text("answer")))
    return problems


def _problem(row: FileRow, ident: str, question: str, kind: Kind, texts: Sequence[str], right: str) -> Problem:
    if not 2 <= len(texts) <= len(LETTERS):
        raise row.broken(f"there are {len(texts)} choices, but a question has 2 to {len(LETTERS)}")
    gold = tuple(LETTERS[place] for place, text in enumerate(texts) if text == right)
    if not gold:
        raise row.broken(f"the right answer {right!r} is not one of the choices")
    return Problem(ident, question, kind, gold, tuple(texts))
