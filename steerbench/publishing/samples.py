"""The samples of a published run as Parquet: its numbers are recomputed from them, and readers look at them.

They are the test items only. If a task withholds people's answers (`withheld`), samples have no losses, no replied
ticks, and no answers of controls that were shown people's answers, because each of these would reveal them.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import polars as pl

from steerbench.contracts import Case, Choice, Completion, Judge, Judged, Outcome, Split, Task, Verdict
from steerbench.contracts.roles import CONTROL
from steerbench.contracts.setting import Setting
from steerbench.contracts.targets import Item, Target
from steerbench.datasets.registry import datasets
from steerbench.errors import UserError
from steerbench.judging.panel import judge_digest
from steerbench.publishing.columns import COLUMNS, EARLIER, LATER
from steerbench.publishing.schema import SAMPLES
from steerbench.records.found_ledgers import reading
from steerbench.records.parquet import write_parquet
from steerbench.records.plan import roles_of
from steerbench.records.samples import outcome_of
from steerbench.records.verdicts import Verdicts, case_key
from steerbench.running.controls import asked_of_row

Place = tuple[str, str]
"""A target's id and an item's id."""


@dataclass(frozen=True)
class _Named:
    """A judge as described in an identity, which is enough for the key of its verdicts."""

    name: str
    told: Mapping[str, str]

    def identity(self) -> Mapping[str, str]:
        return self.told


AskedItems = Mapping[Place, tuple[Target, Item]]
"""All test questions, in the order of a run."""


def asked_of(task: Task) -> AskedItems:
    """The test questions of an unsealed task."""
    return {(t.id, item.id): (t, item) for t in task.targets(Split.TEST) for item in task.items(t, Split.TEST)}


def asked_of_method(task: Task, asked: AskedItems, name: str) -> AskedItems:
    """The test questions of which a row has samples. A control is asked fewer, or its answers are not published."""
    if hides(task, name):
        return {}
    targets = {target.id: target for target, _ in asked.values()}
    own = {(t.id, item.id) for t in targets.values() for item in asked_of_row(task, name, t)}
    return {place: told for place, told in asked.items() if place in own}


def hides(task: Task, name: str) -> bool:
    """Whether none of a row's answers are published, because it is a control that would reveal people's answers."""
    return task.withheld and roles_of(task).get(name) == CONTROL


def shows_questions(task: Task) -> bool:
    """Whether a task's questions are published. They are not if their authors state no licence."""
    registered = datasets().get(task.questions_from or task.identity().get("dataset", ""))
    return registered is None or registered.may_show_questions


def samples_of(ledger: Path, task: Task, judges: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    """The test samples of a run, with the columns `COLUMNS`; `judges` are by role, as in the identity.

    Raises:
        UserError: there is no ledger, or a run is writing it.
        KeyError: the ledger has a sample that the task does not ask, or lacks a verdict.
    """
    query = (
        "SELECT method, target, item, strength, wording, edits, outcome, score FROM samples WHERE split = 'test' "
        "ORDER BY method, target, item"
    )
    asked, withheld, shown = asked_of(task), task.withheld, shows_questions(task)
    rows, cases = [], []
    with reading(ledger) as connection:
        for method, target, item, strength, wording, edits, outcome, score in connection.execute(query):
            if hides(task, method):
                continue
            answer, scored = json.loads(outcome), json.loads(score)
            row = dict.fromkeys(COLUMNS) | {name: answer.get(name) for name in COLUMNS if name in answer}
            row |= {"method": method, "target": target, "item": item}
            row |= {"question": asked[target, item][1].text if shown else None}
            row |= {"strength": strength, "wording": wording, "edits": edits, "unscored": scored["unscored"]}
            row |= {"tick": None} if withheld else {"loss": scored["loss"]}
            rows.append(row)
            cases.append(cases_of(task, *asked[target, item], outcome_of(outcome)) if "text" in answer else ())
        found = _verdicts(Verdicts(connection, nullcontext), [case for those in cases for case in those], judges)
    for row, those in zip(rows, cases, strict=True):
        if those:
            row["verdicts"] = json.dumps([_told(case, found[case.role, case_key(case)]) for case in those])
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def cases_of(task: Task, target: Target, item: Item, answer: Outcome) -> tuple[Case, ...]:
    """The cases that judges were asked to rate; none if the answer has no text to rate or the task is not judged."""
    if not isinstance(task, Judged) or not isinstance(answer, Completion) or not answer.answered:
        return ()
    return tuple(task.cases(item, target, answer, Split.TEST))


def answer_in(row: Mapping[str, Any]) -> Outcome | float | None:
    """A row's answer; None if it was withheld.

    Raises:
        ValueError: the row has two kinds of answers, or an incomplete one.
    """
    text = {name: row[name] for name in ("text", "tokens", "finish")}
    kinds = [row["logprobs"] is not None, any(v is not None for v in text.values()), row["tick"] is not None]
    if sum(kinds) > 1 or (kinds[1] and any(v is None for v in text.values())):
        raise ValueError("is an answer of two kinds, or an incomplete one")
    if kinds[1]:
        if row["finish"] not in ("stop", "length", "thinking", "overflow") or row["tokens"] < 0:
            raise ValueError("has an impossible ending or number of tokens")
        return Completion(**text, before=row["before"] or "")
    if kinds[0]:
        logprobs = tuple(math.nan if value is None else float(value) for value in row["logprobs"])
        if not logprobs or math.inf in logprobs:
            raise ValueError("has no log-likelihoods")
        return Choice(
            logprobs, tuple(math.nan if value is None else float(value) for value in row.get("neutral") or ())
        )
    if row["tick"] is not None and not math.isfinite(row["tick"]):
        raise ValueError("is a tick that is not a number")
    return None if row["tick"] is None else float(row["tick"])


def verdicts_in(row: Mapping[str, Any], cases: tuple[Case, ...]) -> list[Verdict]:
    """A row's verdicts, one for each of its cases.

    Raises:
        ValueError: they are not verdicts, or are on other cases.
    """
    said = json.loads(row["verdicts"] or "[]")
    if not isinstance(said, list) or len(said) != len(cases):
        raise ValueError("does not have one verdict for each of its cases")
    return [_verdict(one, case) for one, case in zip(said, cases, strict=True)]


def setting_in(row: Mapping[str, Any]) -> Setting:
    return Setting(row["strength"], row["wording"])


def _verdict(said: Any, case: Case) -> Verdict:
    if not isinstance(said, dict) or said.keys() != {"case", "role", "quality", "rating", "unscored", "details"}:
        raise ValueError("has a verdict of another format")
    if (said["role"], said["quality"], said["case"]) != (case.role, case.quality, case_key(case)):
        raise ValueError("has a verdict on another answer")
    rating = said["rating"]
    if rating is not None and (isinstance(rating, bool) or not isinstance(rating, int | float) or not 1 <= rating <= 5):
        raise ValueError("has a rating outside 1 to 5")
    if not isinstance(said["unscored"], str):
        raise ValueError("has a verdict with neither a rating nor a reason")
    if not isinstance(said["details"], dict):
        raise ValueError("has a verdict whose details are not an object")
    return Verdict(rating, said["unscored"], said["details"])


def _verdicts(
    store: Verdicts, cases: list[Case], judges: Mapping[str, Mapping[str, str]]
) -> dict[tuple[str, str], Verdict]:
    """The verdicts of each role's judge, by role and hash of the case."""
    return {(role, key): verdict for role, key, verdict in _each_role(store, cases, judges)}


def _each_role(
    store: Verdicts, cases: list[Case], judges: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, str, Verdict]]:
    for role, told in judges.items():
        own = {name: value for name, value in told.items() if name != "name"}
        digest = judge_digest(cast(Judge, _Named(told["name"], own)))
        for key, verdict in store.get(digest, {case_key(case) for case in cases if case.role == role}).items():
            yield role, key, verdict


def _told(case: Case, verdict: Verdict) -> dict[str, Any]:
    return {
        "case": case_key(case),
        "role": case.role,
        "quality": case.quality,
        "rating": verdict.rating,
        "unscored": verdict.unscored,
        "details": dict(verdict.details),
    }


def write_samples(frame: pl.DataFrame, path: Path) -> None:
    write_parquet(frame, path)


def read_samples(folder: Path) -> pl.DataFrame:
    """The samples of a published run. Check the size of untrusted ones first (`weighing.weigh`).

    Raises:
        UserError: they are not Parquet, or have other columns.
    """
    path = folder / SAMPLES
    try:
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path} cannot be read as Parquet.") from error
    if dict(frame.schema) == EARLIER:
        frame = frame.with_columns(**{name: pl.lit(None, COLUMNS[name]) for name in LATER}).select(list(COLUMNS))
    if dict(frame.schema) != COLUMNS:
        raise UserError(f"{path} does not have the columns {', '.join(COLUMNS)} with their types.")
    return frame
