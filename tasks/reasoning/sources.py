"""The datasets of the reasoning tasks, with one entry each.

Address, checksum and licence are in the dataset registry. The two samples are generated and need no download.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from steerbench.datasets.fetch import path_of
from steerbench.datasets.registry import dataset
from steerbench.errors import UserError, unknown
from tasks.reasoning import multiple_choice, open_answers
from tasks.reasoning.generator import coin_flips, word_problems
from tasks.reasoning.problems import Kind, Problem

MMLU_SUBJECTS = (
    "clinical_knowledge",
    "computer_security",
    "elementary_mathematics",
    "high_school_psychology",
    "philosophy",
)


@dataclass(frozen=True)
class ReasoningSource:
    """A dataset: its name in the registry, the kind of its answers, its test files and its files of examples."""

    name: str
    kind: Kind
    reader: Callable[[Path], list[Problem]]
    files: tuple[str, ...]
    examples: tuple[str, ...] = ()

    @property
    def licence(self) -> str:
        """The licence in the registry."""
        return dataset(self.name).licence


SOURCES: dict[str, ReasoningSource] = {
    source.name: source
    for source in (
        ReasoningSource("gsm8k", "number", open_answers.gsm8k, ("test.jsonl",), ("train_first100.jsonl",)),
        ReasoningSource("addsub", "number", open_answers.word_problems, ("AddSub.json",)),
        ReasoningSource("multiarith", "number", open_answers.word_problems, ("MultiArith.json",)),
        ReasoningSource("svamp", "number", open_answers.svamp, ("SVAMP.json",)),
        ReasoningSource("commonsenseqa", "letter", multiple_choice.commonsenseqa, ("dev_rand_split.jsonl",)),
        ReasoningSource("strategyqa", "yes-no", open_answers.strategyqa, ("task.json",)),
        ReasoningSource("bigbench-date", "text-letters", multiple_choice.bigbench_date, ("task.json",)),
        ReasoningSource("coin-flip", "yes-no", open_answers.coin_flip, ("coin_flip.json",)),
        ReasoningSource(
            "mmlu",
            "letter",
            multiple_choice.mmlu,
            tuple(f"test/{subject}_test.csv" for subject in MMLU_SUBJECTS),
            tuple(f"dev/{subject}_dev.csv" for subject in MMLU_SUBJECTS),
        ),
        ReasoningSource("socialiqa", "text-letters", multiple_choice.socialiqa, ("dev.jsonl",)),
    )
}

SAMPLES: dict[str, Callable[[int], tuple[Problem, ...]]] = {
    "arithmetic-sample": word_problems,
    "coin-flip-sample": coin_flips,
}
SAMPLE_SIZE = 200


def names() -> tuple[str, ...]:
    """All datasets known to `load`."""
    return (*SOURCES, *SAMPLES)


def load(name: str) -> tuple[Problem, ...]:
    """The problems of a dataset, in the order of its files.

    Raises:
        UserError: the name is unknown, the data are not available, or a row is invalid.
    """
    return SAMPLES[name](SAMPLE_SIZE) if name in SAMPLES else _read(name, _source(name).files)


def digest(name: str) -> str:
    """A digest of a dataset for a run's identity: the registry's digest of its files, or a sample's sha256.

    Raises:
        UserError: the name is unknown.
    """
    if name in SAMPLES:
        rows = [f"{problem.id}\n{problem.question}\n{problem.gold[0]}\n" for problem in load(name)]
        return hashlib.sha256("".join(rows).encode()).hexdigest()
    return dataset(_source(name).name).digest


def examples(name: str) -> tuple[Problem, ...]:
    """The problems that a dataset provides as examples; empty if it has none.

    Raises:
        UserError: as in `load`.
    """
    return () if name in SAMPLES else _read(name, _source(name).examples)


def _source(name: str) -> ReasoningSource:
    if name not in SOURCES:
        raise UserError(unknown("reasoning dataset", name, names()))
    return SOURCES[name]


def _read(name: str, files: Sequence[str]) -> tuple[Problem, ...]:
    reader = SOURCES[name].reader
    return with_repeats([problem for file in files for problem in reader(path_of(name, file))], name)


def with_repeats(problems: Sequence[Problem], where: str) -> tuple[Problem, ...]:
    """The same problems. One that repeats an earlier one is kept, with the earlier id in `meta["repeats"]`.

    Raises:
        UserError: two problems have the same id.
    """
    seen: dict[str, None] = {}
    first: dict[tuple[str, tuple[str, ...]], str] = {}
    marked = []
    for problem in problems:
        if problem.id in seen:
            raise UserError(f"{where}: the id {problem.id} is in two rows; leave one of them out.")
        seen[problem.id] = None
        original = first.setdefault((problem.question, tuple(sorted(problem.choices))), problem.id)
        meta = problem.meta if original == problem.id else {**problem.meta, "repeats": original}
        marked.append(replace(problem, meta=meta))
    return tuple(marked)
