"""Recomputes a published run: scores every stored answer again, and every number from the scores."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steerbench.contracts import PENDING, Completion, Judged, Method, Outcome, Scored, Task
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target
from steerbench.errors import UserError
from steerbench.plugins.composed import build_method, fit
from steerbench.publishing.hidden import beside_hidden, wrong_of_hidden
from steerbench.publishing.samples import (
    AskedItems,
    Place,
    answer_in,
    asked_of_method,
    cases_of,
    hides,
    setting_in,
    verdicts_in,
)
from steerbench.publishing.schema import Published
from steerbench.records.flags import same_flags
from steerbench.records.movement import movement_of
from steerbench.records.plan import roles_of
from steerbench.records.results import (
    ComparisonRecord,
    MethodResult,
    MetricRecord,
    MovementRecord,
    comparison,
    metrics,
    movement,
)
from steerbench.records.standing import Standing
from steerbench.running.evaluation import SteeredItem, reply_of, score_of_outcome
from steerbench.running.summarising import method_standing, overflows
from steerbench.running.summary import summary_of

TOLERANCE = 1e-9
Rows = Mapping[str, Mapping[Place, Mapping[str, Any]]]
"""Rows of the samples, by method and place."""


def rescored(published: Published, task: Task, asked: AskedItems, rows: Rows) -> dict[str, list[Scored]]:
    """By method, every sample scored again in the order of the run; a control with hidden answers is left out.

    Every place that is `asked` of a row has to be in `rows`.

    Raises:
        UserError: a sample cannot be scored; the message names it.
    """
    scored = {}
    targets = list({target.id: target for target, _ in asked.values()}.values())
    for name in published.methods:
        if hides(task, name):
            continue
        replies = _Replies(published, task, targets, name) if task.withheld else None
        scored[name] = [
            _rescored(task, name, rows[name][place], target, item, replies)
            for place, (target, item) in asked_of_method(task, asked, name).items()
        ]
    return scored


def differing(published: Published, task: Task, rows: Rows, scored: Mapping[str, Sequence[Scored]]) -> Iterator[str]:
    """A sentence for each number in the run that does not follow from its samples."""
    summary = beside_hidden(summary_of(task, scored, published.plan.seed), published, task)
    if published.over != summary.over:
        yield f"over: said {published.over!r}, but the task says {summary.over!r}."
    if published.higher_is_better != summary.higher_is_better:
        yield f"higher_is_better is {published.higher_is_better}, but the task says {summary.higher_is_better}."
    if published.targets != (count := len({one.target for of_one in scored.values() for one in of_one})):
        yield f"targets are {published.targets}, but the samples have {count}."
    for name, said in published.methods.items():
        if hides(task, name):
            yield from wrong_of_hidden(name, said, task)
            continue
        row, role = rows[name], roles_of(task).get(name)
        strengths = {target: sample["strength"] for (target, _), sample in row.items()}
        found = MethodResult(
            role=role,
            standing=None if role else method_standing(name, summary, task, strengths),
            settings=published.identity["methods"].get(name, {}),
            metrics=metrics(summary.metrics.get(name, {})),
            comparisons=[comparison(tested) for tested in summary.comparisons.get(name, ())],
            flags=[*overflows(scored[name]), *summary.flags.get(name, ())],
            strengths=strengths,
            wordings={target: sample["wording"] for (target, _), sample in row.items() if sample["wording"]},
            items=len(row),
            unscored=sum(one.score.unscored != "" for one in scored[name]),
            generated_tokens=sum(sample["tokens"] or 0 for sample in row.values()),
            movement=movement(movement_of(name, roles_of(task), scored, summary.over)),
        )
        yield from (f"method '{name}', {told}" for told in _of_row(said, found))
        yield from _of_samples(name, row, scored[name], task.withheld)


def _of_row(said: MethodResult, found: MethodResult) -> Iterator[str]:
    if list(said.metrics) != list(found.metrics):
        yield f"has the metrics {list(said.metrics)}, but its samples give {list(found.metrics)}."
    for name in [name for name in said.metrics if name in found.metrics]:
        yield from _numbers(f"metric '{name}'", said.metrics[name], found.metrics[name])
    if [c.against for c in said.comparisons] != [c.against for c in found.comparisons]:
        yield f"is compared with {[c.against for c in said.comparisons]}, but should be with other rows."
    else:
        for ours, again in zip(said.comparisons, found.comparisons, strict=True):
            yield from _numbers(f"comparison with '{ours.against}'", ours, again)
    yield from _standings(said.standing, found.standing)
    yield from _movements(said.movement, found.movement)
    if not same_flags(said.flags, found.flags):
        yield f"flags: said {_short(said.warnings)}, recomputed {_short(found.warnings)}."
    for name in ("role", "settings", "strengths", "wordings", "items", "unscored", "generated_tokens"):
        if getattr(said, name) != getattr(found, name):
            yield f"{name}: said {_short(getattr(said, name))}, recomputed {_short(getattr(found, name))}."


def _standings(said: Standing | None, found: Standing | None) -> Iterator[str]:
    """Compares standings: `smallest` as a number, everything else exactly."""
    loose = {"smallest"}
    told, again = (None if one is None else one.model_dump(exclude=loose) for one in (said, found))
    if told != again:
        yield f"standing: said {_short(told)}, recomputed {_short(again)}."
    elif said is not None and found is not None and said.smallest is not None and found.smallest is not None:
        if not math.isclose(said.smallest, found.smallest, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"standing: smallest said {said.smallest}, recomputed {found.smallest}."
    elif said != found:
        yield f"standing: said {_short(said)}, recomputed {_short(found)}."


def _movements(said: MovementRecord | None, found: MovementRecord | None) -> Iterator[str]:
    if said is None or found is None:
        if said is not found:
            yield f"movement: said {_short(said)}, recomputed {_short(found)}."
        return
    for what, ours in said:
        yield from _numbers(f"share of items {what}", ours, getattr(found, what))


def _numbers(what: str, said: MetricRecord | ComparisonRecord, found: MetricRecord | ComparisonRecord) -> Iterator[str]:
    for name, ours in said:
        again = getattr(found, name)
        if isinstance(ours, str) or (ours is None and again is None):
            continue
        if ours is None or again is None or not math.isclose(ours, again, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{what}: {name} said {ours}, recomputed {again}."


def _of_samples(
    name: str, row: Mapping[Place, Mapping[str, Any]], scored: Sequence[Scored], withheld: bool
) -> Iterator[str]:
    """Samples whose loss or reason differs from the recomputed one; the first of each row is reported."""
    for one in scored:
        sample = row[one.target, one.item]
        loss, where = sample["loss"], f"method '{name}', target '{one.target}', item '{one.item}'"
        if withheld and (loss is not None or sample["tick"] is not None):
            yield f"{where}: the task withholds people's answers, but this sample reveals one (loss or tick)."
            return
        again = None if withheld else one.score.loss
        same = loss == again if loss is None or again is None else math.isclose(loss, again, abs_tol=TOLERANCE)
        if not same or sample["unscored"] != one.score.unscored:
            yield (
                f"{where}: loss and reason are said to be {loss}, {_short(sample['unscored'])}, but are "
                f"{again}, {_short(one.score.unscored)}."
            )
            return


class _Replies:
    """Recomputes the replies of a model-free row, because a task that withholds answers does not publish them."""

    def __init__(self, published: Published, task: Task, targets: Sequence[Target], name: str) -> None:
        self._task, self._name = task, name
        self._fits: dict[str, Steering] = {}
        self._set: dict[tuple[str, Setting], Steering] = {}
        method: Method = build_method(name, published.plan.method_parameters, published.plan.seed)
        if not method.needs_model:
            # A method that needs no model is fitted without an engine; targets are respondents here, not blends.
            fits = fit(method, None, targets)  # type: ignore[arg-type]
            self._fits = {target.id: fitted for target, fitted in zip(targets, fits, strict=True)}

    def to(self, item: Item, target: Target, row: Mapping[str, Any]) -> Outcome | float:
        if target.id not in self._fits:
            raise ValueError("has no answer")
        setting = setting_in(row)
        key = target.id, setting
        if key not in self._set:
            self._set[key] = setting.apply(self._fits[target.id])
        return reply_of(self._task, self._name, SteeredItem(target, item, setting, self._set[key]))


def _rescored(
    task: Task, name: str, row: Mapping[str, Any], target: Target, item: Item, replies: _Replies | None
) -> Scored:
    try:
        answer = answer_in(row)
        if answer is None:
            if replies is None:
                raise ValueError("has no answer")
            answer = replies.to(item, target, row)
        score = score_of_outcome(task, item, target, answer)
        if score.unscored == PENDING and isinstance(task, Judged) and isinstance(answer, Completion):
            cases = cases_of(task, target, item, answer)
            score = task.rated(item, target, answer, verdicts_in(row, cases))
        elif row["verdicts"]:
            raise ValueError("has verdicts, but is not rated by judges")
        return Scored(target.id, item.id, score)
    except Exception as error:  # whatever an untrusted answer makes a task raise is the answer's fault
        where = f"method '{name}', target '{target.id}', item '{item.id}'"
        raise UserError(f"{where}: the answer cannot be scored: it {_short(error)}.") from error


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return repr(text[:200]) if isinstance(value, str) else text[:200]
