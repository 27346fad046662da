"""The samples of a published run: what its numbers are recomputed from and what people look at, as Parquet.

Only the items that measure. Of a task that withholds people's answers (`withheld`) neither losses nor replied
ticks are among them, nor any answer of a control that was shown what people ticked: all of them tell it.
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
"""Target's id, item's id."""


@dataclass(frozen=True)
class _Named:
    """A judge by what an identity says of it: all that its verdicts are kept under."""

    name: str
    told: Mapping[str, str]

    def identity(self) -> Mapping[str, str]:
        return self.told


AskedItems = Mapping[Place, tuple[Target, Item]]
"""All that measures, in the order of a run."""


def asked_of(task: Task) -> AskedItems:
    """What a task asks to measure; it has to be unsealed."""
    return {(t.id, item.id): (t, item) for t in task.targets(Split.TEST) for item in task.items(t, Split.TEST)}


def asked_of_method(task: Task, asked: AskedItems, name: str) -> AskedItems:
    """Of all that measures what one row has samples of: a control is asked less, or its answers are not published."""
    if hides(task, name):
        return {}
    targets = {target.id: target for target, _ in asked.values()}
    own = {(t.id, item.id) for t in targets.values() for item in asked_of_row(task, name, t)}
    return {place: told for place, told in asked.items() if place in own}


def withholds(task: Task) -> bool:
    return bool(getattr(task, "withheld", False))


def hides(task: Task, name: str) -> bool:
    """Whether no answer of a row is published: a control's would tell what people ticked."""
    return withholds(task) and roles_of(task).get(name) == "control"


def shows_questions(task: Task) -> bool:
    """Whether its questions are published: those whose authors state no licence are not."""
    told = str(getattr(task, "questions_from", "") or task.identity().get("dataset", ""))
    registered = datasets().get(told)
    return registered is None or registered.may_show_questions


def samples_of(ledger: Path, task: Task, judges: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    """The measuring samples of a run, in the columns of `COLUMNS`; `judges` by role, as the identity has them.

    Raises:
        UserError: there is no ledger, or a run is writing it.
        KeyError: it holds a sample that the task does not ask.
    """
    query = (
        "SELECT method, target, item, strength, wording, edits, outcome, score FROM samples WHERE split = 'test' "
        "ORDER BY method, target, item"
    )
    asked, withheld, shown = asked_of(task), withholds(task), shows_questions(task)
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
    """What judges were asked about an answer: nothing if it is none (it overflowed, say), or the task is not judged."""
    if not isinstance(task, Judged) or not isinstance(answer, Completion) or not answer.answered:
        return ()
    return tuple(task.cases(item, target, answer, Split.TEST))


def answer_in(row: Mapping[str, Any]) -> Outcome | float | None:
    """A row's answer; None if it is one that was withheld.

    Raises:
        ValueError: the row holds an answer of two kinds, or half of one.
    """
    text = {name: row[name] for name in ("text", "tokens", "finish")}
    kinds = [row["logprobs"] is not None, any(v is not None for v in text.values()), row["tick"] is not None]
    if sum(kinds) > 1 or (kinds[1] and any(v is None for v in text.values())):
        raise ValueError("is of two kinds, or half of one")
    if kinds[1]:
        if row["finish"] not in ("stop", "length", "thinking", "overflow") or row["tokens"] < 0:
            raise ValueError("ends in no way that an answer can")
        return Completion(**text, before=row["before"] or "")
    if kinds[0]:
        logprobs = tuple(math.nan if value is None else float(value) for value in row["logprobs"])
        if not logprobs or math.inf in logprobs:
            raise ValueError("has no log-likelihoods")
        return Choice(
            logprobs, tuple(math.nan if value is None else float(value) for value in row.get("neutral") or ())
        )
    if row["tick"] is not None and not math.isfinite(row["tick"]):
        raise ValueError("is a tick that is no number")
    return None if row["tick"] is None else float(row["tick"])


def verdicts_in(row: Mapping[str, Any], cases: tuple[Case, ...]) -> list[Verdict]:
    """A row's verdicts, one for each of its cases.

    Raises:
        ValueError: they are not verdicts, or those of other cases.
    """
    said = json.loads(row["verdicts"] or "[]")
    if not isinstance(said, list) or len(said) != len(cases):
        raise ValueError("has not one verdict for each of its cases")
    return [_verdict(one, case) for one, case in zip(said, cases, strict=True)]


def setting_in(row: Mapping[str, Any]) -> Setting:
    return Setting(row["strength"], row["wording"])


def _verdict(said: Any, case: Case) -> Verdict:
    if not isinstance(said, dict) or said.keys() != {"case", "role", "quality", "rating", "unscored", "details"}:
        raise ValueError("has a verdict of another form")
    if (said["role"], said["quality"], said["case"]) != (case.role, case.quality, case_key(case)):
        raise ValueError("has a verdict on another answer")
    rating = said["rating"]
    if rating is not None and (isinstance(rating, bool) or not isinstance(rating, int | float) or not 1 <= rating <= 5):
        raise ValueError("has a rating outside 1 to 5")
    if not isinstance(said["unscored"], str):
        raise ValueError("has a verdict without a rating that gives no reason")
    if not isinstance(said["details"], dict):
        raise ValueError("has a verdict whose details are none")
    return Verdict(rating, said["unscored"], said["details"])


def _verdicts(
    store: Verdicts, cases: list[Case], judges: Mapping[str, Mapping[str, str]]
) -> dict[tuple[str, str], Verdict]:
    """By role and hash of the case, what the role's judge said."""
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
    """The samples beside a published run. What anybody may have sent is weighed first (`weighing.weigh`).

    Raises:
        UserError: they are no Parquet, or of other columns.
    """
    path = folder / SAMPLES
    try:
        frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path} cannot be read as Parquet.") from error
    if dict(frame.schema) == EARLIER:
        frame = frame.with_columns(**{name: pl.lit(None, COLUMNS[name]) for name in LATER}).select(list(COLUMNS))
    if dict(frame.schema) != COLUMNS:
        raise UserError(f"{path} has not the columns {', '.join(COLUMNS)}, in their types.")
    return frame
