"""Reads the answers of runs for a study: each method's answer to the same question and target, with its rating."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from steerbench.contracts import Split
from steerbench.contracts.roles import UNSTEERED
from steerbench.contracts.targets import Respondent, Target, TraitPole
from steerbench.contracts.thoughts import spoken
from steerbench.errors import UserError, unknown
from steerbench.records.export import read_samples
from steerbench.records.plan import build_task, differences, plan_of_run
from steerbench.records.results import RunResult, read_result

ROLE = "trait"
"""The role of the judge whose ratings are compared with people."""


@dataclass(frozen=True, order=True)
class TargetQuestion:
    """A question asked under a target; `high` is true if its trait was steered to the high pole."""

    target: str
    item: str
    trait: str
    high: bool
    question: str


@dataclass(frozen=True)
class RatedAnswer:
    """A method's answer, and the judge's rating on the question's trait."""

    text: str
    rating: float | None


Answers = Mapping[TargetQuestion, RatedAnswer]


@dataclass(frozen=True)
class Sources:
    """Answers by method, from one task and one judge. `runs` has the runs' digests by folder name."""

    runs: Mapping[str, str]
    judge: str
    methods: Mapping[str, Answers]

    def shared(self) -> list[TargetQuestion]:
        """The questions that all methods answered, sorted."""
        return sorted(set.intersection(*(set(answers) for answers in self.methods.values())))


def read_sources(runs: Sequence[Path], wanted: Sequence[str] = ()) -> Sources:
    """The answers of the methods in `wanted`; by default of the unsteered model and all non-trivial methods.

    A method that is in several runs keeps its name if its answers are the same, else it is called name@folder.

    Raises:
        UserError: a run cannot be read, has no rated free text, or differs from the first in its questions or judge; no
            run has a wanted method; or there are fewer than two methods.
    """
    results = [read_result(run) for run in runs]
    asked = _asked(results[0], runs[0])
    for run, result in zip(runs[1:], results[1:], strict=True):
        _check_alike(runs[0], results[0], run, result)
    found = [_answers(run, asked) for run in runs]
    labelled = _labelled(
        {_label(run, place): methods for place, (run, methods) in enumerate(zip(runs, found, strict=True))}
    )
    chosen = _chosen(
        labelled, list(wanted), {name for result in results for name, m in result.methods.items() if m.trivial}
    )
    if len(chosen) < 2:
        raise UserError("A study needs answers of two methods; give more runs, or name more with --methods.")
    digests = {_label(run, place): result.digest for place, (run, result) in enumerate(zip(runs, results, strict=True))}
    judge = results[0].judges[ROLE].name if ROLE in results[0].judges else ""
    return Sources(digests, judge, chosen)


def _label(run: Path, place: int) -> str:
    return run.resolve().name or f"run {place + 1}"


def _asked(result: RunResult, run: Path) -> dict[tuple[str, str], TargetQuestion]:
    """By (target, item), the test questions of the run's task.

    Raises:
        UserError: the task's questions have changed since the run.
    """
    task = build_task(plan_of_run(result.plan, result.identity["task"]))
    changed = differences(result.identity["task"], dict(task.identity()))
    if changed:
        raise UserError(
            f"The questions of the run in {run} have changed since it was made ({changed[0]}); make a new run."
        )
    task.unseal()
    found = {}
    for target in task.targets(Split.TEST):
        for item in task.items(target, Split.TEST):
            end = _end(target, item.trait)
            if end is not None:
                found[target.id, item.id] = TargetQuestion(target.id, item.id, item.trait, end, item.text)
    if not found:
        raise UserError(f"The run in {run} steers to no end of a trait; people can compare personalitybench's answers.")
    return found


def _end(target: Target, trait: str) -> bool | None:
    """Whether the target is the trait's high pole; None if it has no pole of that trait."""
    if isinstance(target, Respondent):
        return None
    poles = (target,) if isinstance(target, TraitPole) else target.poles
    return next((pole.high for pole in poles if pole.trait == trait), None)


def _check_alike(first: Path, one: RunResult, second: Path, other: RunResult) -> None:
    for what, there, here in (
        ("task", one.identity["task"], other.identity["task"]),
        ("judge", one.identity.get("judges", {}).get(ROLE), other.identity.get("judges", {}).get(ROLE)),
    ):
        changed = differences(there, here)
        if changed:
            hint = "rate one again with steerbench rejudge" if what == "judge" else "export them apart"
            raise UserError(f"The runs {first} and {second} differ in their {what} ({changed[0]}); {hint}.")


def _answers(
    run: Path, asked: Mapping[tuple[str, str], TargetQuestion]
) -> dict[str, dict[TargetQuestion, RatedAnswer]]:
    """By method, its answer to each test question, without the thinking part; incomplete answers are left out."""
    answered = (pl.col("split") == Split.TEST.value) & pl.col("finish").is_in(["stop", "length"])
    samples = read_samples(run).filter(answered & pl.col("text").is_not_null())
    methods: dict[str, dict[TargetQuestion, RatedAnswer]] = {}
    for method, target, item, text, record in samples.select("method", "target", "item", "text", "record").iter_rows():
        question = asked.get((target, item))
        heard = spoken(text)
        if question is not None and heard.finished:
            said = RatedAnswer(heard.answer.strip(), _rating(json.loads(record), question.trait))
            methods.setdefault(method, {})[question] = said
    if not methods:
        raise UserError(f"The run in {run} holds no answers in free text; people can compare personalitybench's.")
    return methods


def _rating(record: Mapping[str, Any], trait: str) -> float | None:
    rating = record.get("ratings", {}).get(trait)
    return None if rating is None else float(rating)


def _labelled(runs: Mapping[str, Mapping[str, Answers]]) -> dict[str, Answers]:
    """Every method's answers under a unique name."""
    labelled: dict[str, Answers] = {}
    for name in dict.fromkeys(name for methods in runs.values() for name in methods):
        of_runs = {run: methods[name] for run, methods in runs.items() if name in methods}
        first, *others = of_runs.values()
        texts = [{asked: said.text for asked, said in answers.items()} for answers in (first, *others)]
        if all(text == texts[0] for text in texts):
            labelled[name] = first
        else:
            labelled |= {f"{name}@{run}": answers for run, answers in of_runs.items()}
    return labelled


def _chosen(labelled: Mapping[str, Answers], wanted: list[str], trivial: set[str]) -> dict[str, Answers]:
    """The wanted methods, by full name or by the part before the @."""
    if not wanted:
        return {n: a for n, a in labelled.items() if n.partition("@")[0] not in trivial - {UNSTEERED}}
    chosen: dict[str, Answers] = {}
    for name in wanted:
        matching = {n: a for n, a in labelled.items() if name in (n, n.partition("@")[0])}
        if not matching:
            raise UserError(unknown("method", name, labelled))
        chosen |= matching
    return chosen
