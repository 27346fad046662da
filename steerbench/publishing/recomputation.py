"""Recomputes a published run: every stored answer is scored again, every number made again from the scores."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steerbench.contracts import PENDING, Completion, Judged, Method, Outcome, Scored, Task
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target
from steerbench.errors import UserError
from steerbench.plugins.composed import build_method
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
    withholds,
)
from steerbench.publishing.schema import Published
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

TOLERANCE = 1e-9
Rows = Mapping[str, Mapping[Place, Mapping[str, Any]]]
"""By method and place, a row of the samples."""


def rescored(published: Published, task: Task, asked: AskedItems, rows: Rows) -> dict[str, list[Scored]]:
    """By method, every sample scored again, in the order of the run; a control whose answers are hidden has none.

    All that is `asked` of a row is in it.

    Raises:
        UserError: a sample that cannot be scored; it is named.
    """
    scored = {}
    targets = list({target.id: target for target, _ in asked.values()}.values())
    for name in published.methods:
        if hides(task, name):
            continue
        replies = _Replies(published, targets, name) if withholds(task) else None
        scored[name] = [
            _rescored(task, name, rows[name][place], target, item, replies)
            for place, (target, item) in asked_of_method(task, asked, name).items()
        ]
    return scored


def differing(published: Published, task: Task, rows: Rows, scored: Mapping[str, Sequence[Scored]]) -> Iterator[str]:
    """What the run says and its samples do not give, a sentence each."""
    summary = beside_hidden(task.summarise(scored, published.plan.seed), published, task)
    if published.over != summary.over:
        yield f"over: said {published.over!r}, and the task says {summary.over!r}."
    if published.higher_is_better != summary.higher_is_better:
        yield f"higher_is_better is {published.higher_is_better}, and the task says {summary.higher_is_better}."
    if published.targets != (count := len({one.target for of_one in scored.values() for one in of_one})):
        yield f"targets are {published.targets}, and the samples have {count}."
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
        yield from _of_samples(name, row, scored[name], withholds(task))


def _of_row(said: MethodResult, found: MethodResult) -> Iterator[str]:
    if list(said.metrics) != list(found.metrics):
        yield f"has the metrics {list(said.metrics)}, and its samples give {list(found.metrics)}."
    for name in [name for name in said.metrics if name in found.metrics]:
        yield from _numbers(f"metric '{name}'", said.metrics[name], found.metrics[name])
    if [c.against for c in said.comparisons] != [c.against for c in found.comparisons]:
        yield f"is compared with {[c.against for c in said.comparisons]}, and should be with others."
    else:
        for ours, again in zip(said.comparisons, found.comparisons, strict=True):
            yield from _numbers(f"comparison with '{ours.against}'", ours, again)
    yield from _standings(said.standing, found.standing)
    yield from _movements(said.movement, found.movement)
    for name in ("role", "settings", "flags", "strengths", "wordings", "items", "unscored", "generated_tokens"):
        if getattr(said, name) != getattr(found, name):
            yield f"{name}: said {_short(getattr(said, name))}, recomputed {_short(getattr(found, name))}."


def _standings(said: Standing | None, found: Standing | None) -> Iterator[str]:
    """The smallest loss that could have been found is a number; all else is as it was said, or is not."""
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
    """Samples whose loss or reason is not what scoring gives; of a row the first is named."""
    for one in scored:
        sample = row[one.target, one.item]
        loss, where = sample["loss"], f"method '{name}', target '{one.target}', item '{one.item}'"
        if withheld and (loss is not None or sample["tick"] is not None):
            yield f"{where}: the task withholds what people ticked, and this sample tells it (loss or tick)."
            return
        again = None if withheld else one.score.loss
        same = loss == again if loss is None or again is None else math.isclose(loss, again, abs_tol=TOLERANCE)
        if not same or sample["unscored"] != one.score.unscored:
            yield (
                f"{where}: loss and reason are said to be {loss}, {_short(sample['unscored'])}, and are "
                f"{again}, {_short(one.score.unscored)}."
            )
            return


class _Replies:
    """What a row that asks no model replies: made again, because a withheld task does not publish it."""

    def __init__(self, published: Published, targets: Sequence[Target], name: str) -> None:
        self._fits: dict[str, Steering] = {}
        self._set: dict[tuple[str, Setting], Steering] = {}
        method: Method = build_method(name, published.plan.method_parameters, published.plan.seed)
        if not method.needs_model:
            # Whoever asks no model needs no engine to be fitted; a target is a respondent here, and no blend.
            fits = method.fit(None, targets)  # type: ignore[arg-type]
            self._fits = {target.id: fitted for target, fitted in zip(targets, fits, strict=True)}

    def to(self, item: Item, target: Target, row: Mapping[str, Any]) -> Outcome | float:
        if target.id not in self._fits:
            raise ValueError("holds no answer")
        setting = setting_in(row)
        key = target.id, setting
        if key not in self._set:
            self._set[key] = setting.apply(self._fits[target.id])
        return reply_of(SteeredItem(target, item, setting, self._set[key]))


def _rescored(
    task: Task, name: str, row: Mapping[str, Any], target: Target, item: Item, replies: _Replies | None
) -> Scored:
    try:
        answer = answer_in(row)
        if answer is None:
            if replies is None:
                raise ValueError("holds no answer")
            answer = replies.to(item, target, row)
        score = score_of_outcome(task, item, target, answer)
        if score.unscored == PENDING and isinstance(task, Judged) and isinstance(answer, Completion):
            cases = cases_of(task, target, item, answer)
            score = task.rated(item, target, answer, verdicts_in(row, cases))
        elif row["verdicts"]:
            raise ValueError("has verdicts, and was not rated")
        return Scored(target.id, item.id, score)
    except Exception as error:  # whatever a stranger's answer makes a task do, it is that answer's fault
        where = f"method '{name}', target '{target.id}', item '{item.id}'"
        raise UserError(f"{where}: the answer cannot be scored: it {_short(error)}.") from error


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return repr(text[:200]) if isinstance(value, str) else text[:200]
