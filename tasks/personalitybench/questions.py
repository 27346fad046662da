"""The sources of PersonalityBench's questions: the embedded bank, the published ones, or a user's file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerbench import bank
from steerbench.contracts.targets import TRAITS, Item
from steerbench.datasets.fetch import path_of
from steerbench.datasets.registry import dataset as registered
from steerbench.errors import UserError, unknown

BANK, PUBLISHED, SUFFIX = "bank", "published", ".jsonl"
PUBLISHED_DATASET = "personalitybench"
PARTS = ("test", "calibration", "search")


@dataclass(frozen=True)
class Questions:
    """Test and calibration questions on all traits; `digests` has the hashes of their sources."""

    test: tuple[Item, ...]
    calibration: tuple[Item, ...]
    digests: dict[str, str]


def load(name: str) -> Questions:
    """The questions of a dataset: `bank`, `published`, or the path of a .jsonl file.

    Datasets without calibration questions use the bank's. A file's questions for the search of neurons are left out.

    Raises:
        UserError: the name is unknown, the data are not available, or a line of the file is not a question.
    """
    ours = {"bank": bank.digest()}
    if name == BANK:
        return Questions(bank.questions("test"), bank.questions("calibration"), ours)
    if name == PUBLISHED:
        digests = {PUBLISHED_DATASET: registered(PUBLISHED_DATASET).digest, **ours}
        return Questions(_published(), bank.questions("calibration"), digests)
    if not name.endswith(SUFFIX):
        raise UserError(
            f"{unknown('PersonalityBench dataset', name, (BANK, PUBLISHED))} A file's name ends in {SUFFIX}."
        )
    return _of_file(Path(name), ours)


def spread(questions: Sequence[Item], limit: int | None) -> list[Item]:
    """The first `limit` questions of each trait, alternating over facets; all if None. In their original order."""
    if limit is None:
        return list(questions)
    turns: list[tuple[int, int]] = []
    seen: dict[tuple[str, str], int] = {}
    for place, item in enumerate(questions):
        turn = seen.setdefault((item.trait, item.facet), 0)
        seen[item.trait, item.facet] += 1
        turns.append((turn, place))
    chosen: list[int] = []
    for trait in TRAITS:
        chosen += [place for _, place in sorted(turns) if questions[place].trait == trait][:limit]
    return [questions[place] for place in sorted(chosen)]


def _published() -> tuple[Item, ...]:
    """The 459 test questions. An id has the trait's letter and the line; there are no facets."""
    found = []
    for trait, name in TRAITS.items():
        lines = path_of(PUBLISHED_DATASET, f"test/{name.capitalize()}.json").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            found.append(Item(f"{trait}-{number}", json.loads(line)["question"].strip(), trait=trait))
    return tuple(found)


def _of_file(path: Path, ours: dict[str, str]) -> Questions:
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").split("\n")
    except OSError as error:
        raise UserError(f"The questions in {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}).") from error
    parts: dict[str, list[Item]] = {part: [] for part in PARTS}
    first: dict[tuple[str, str], int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        item, part = _question(line, number, f"{path} line {number}")
        if (before := first.setdefault((item.trait, item.text), number)) != number:
            raise UserError(f"{path} line {number}: the question is in line {before} too; leave one of them out.")
        parts[part].append(item)
    return Questions(
        tuple(parts["test"]),
        tuple(parts["calibration"]) or bank.questions("calibration"),
        {"file": hashlib.sha256(content).hexdigest(), **({} if parts["calibration"] else ours)},
    )


def _question(line: str, number: int, where: str) -> tuple[Item, str]:
    """A question and its part, from an object with trait (a letter), question, and optionally facet and part."""
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not valid JSON ({error}).") from error
    if not isinstance(row, dict):
        raise UserError(f"{where} has to be an object with the fields trait and question.")
    trait, text, facet, part = (row.get(name) for name in ("trait", "question", "facet", "part"))
    if not isinstance(trait, str) or trait not in TRAITS:
        raise UserError(f"{where}: the trait is {trait!r}; it has to be one of {', '.join(TRAITS)}.")
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{where} has no question.")
    if not isinstance(facet, str | None):
        raise UserError(f"{where}: the facet is {facet!r}; it has to be text.")
    if part not in (None, *PARTS):
        raise UserError(f"{where}: the part is {part!r}; it has to be one of {', '.join(PARTS)}.")
    return Item(f"line-{number}", text.strip(), trait=trait, facet=facet or ""), part or "test"
