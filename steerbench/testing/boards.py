"""Holds a task's board to its contract: its rows, its metrics, its comparisons."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from steerbench.contracts import Metric, Revealing, Role, Score, Scored, Split, Summary, Task
from steerbench.contracts.edits.checks import is_number
from steerbench.records.plan import roles_of
from steerbench.running.evaluation import OVERFLOWED
from steerbench.running.summary import summary_of
from steerbench.testing.answers import Place, outcomes, scored
from steerbench.testing.findings import Findings

METHODS = ("a-method", "another-method")


def check_board(found: Findings, task: Task, places: Sequence[Place]) -> None:
    """Have rows of made-up answers summarised, and one in which every answer overflowed."""
    roles: Mapping[str, Role] = {}
    with found.during("`baselines`"):
        roles = roles_of(task)
        odd = {name: role for name, role in roles.items() if role not in get_args(Role)}
        found.expect(not odd, f"`baselines` has {odd}; a role is one of {', '.join(get_args(Role))}")
    names = [*METHODS, *(name for name, role in roles.items() if role != "control")]
    with found.during("`summarise`"):
        rows = {name: list(_row(task, places, shift)) for shift, name in enumerate(names)}
        _check_summary(found, task, rows)
        spoilt = rows[METHODS[0]]
        rows[METHODS[0]] = [Scored(s.target, s.item, Score(None, s.score.record, OVERFLOWED)) for s in spoilt]
        with found.during("`summarise` of a row in which every answer overflowed"):
            _check_summary(found, task, rows)
    if isinstance(task, Revealing):
        with found.during("`answers` or `unread`"):
            _check_revealing(found, task, task)


def _row(task: Task, places: Sequence[Place], shift: int) -> Iterator[Scored]:
    """A row's scores: its answers differ from another row's, and the last of them overflowed."""
    for number, place in enumerate(places):
        given = outcomes(place.request)
        outcome = given[-1] if number == len(places) - 1 else given[(number + shift) % (len(given) - 1)]
        score = scored(Findings(""), task, place, outcome)
        if score is not None:
            yield Scored(place.target.id, place.item.id, score)


def _check_summary(found: Findings, task: Task, rows: Mapping[str, Sequence[Scored]]) -> None:
    summary, again = (summary_of(task, rows, 0) for _ in range(2))
    if not found.expect(isinstance(summary, Summary), f"`summarise` gave a {type(summary).__name__}, and no Summary"):
        return
    found.expect(repr(summary) == repr(again), "`summarise` gives another board the second time; draw from its `seed`")
    strangers = sorted({*summary.metrics, *summary.comparisons, *summary.flags} - rows.keys())
    found.expect(not strangers, f"`summarise` tells of rows that it was not given: {strangers}")
    headlines = {next(iter(summary.metrics.get(name, {})), "") for name in METHODS} - {""}
    found.expect(len(headlines) < 2, f"the methods' first metrics are {sorted(headlines)}; all have one headline")
    for name, metrics in summary.metrics.items():
        for metric, one in metrics.items():
            _check_metric(found, f"`summarise` gives '{name}' the {metric} {one!r}", one)
    for name, comparisons in summary.comparisons.items():
        against = sorted({one.against for one in comparisons} - rows.keys())
        found.expect(not against, f"'{name}' is compared with {against}, which are no rows")


def _check_metric(found: Findings, told: str, metric: Metric) -> None:
    if not found.expect(isinstance(metric, Metric), f"{told}, which is no Metric"):
        return
    bounds = [bound for bound in (metric.low, metric.high, metric.p) if bound is not None]
    known = is_number(metric.value) or not metric.n  # of nothing there may be no estimate
    found.expect(known and all(map(is_number, bounds)), f"{told}; give no metric, or None, where there is no number")


def _check_revealing(found: Findings, task: Task, revealing: Revealing) -> None:
    for target in task.targets(Split.TEST)[:1]:
        asked = {item.id for item in task.items(target, Split.TEST)}
        odd = sorted({item.id for item in revealing.answers(target)} - asked)
        found.expect(not odd, f"`answers` of '{target.id}' has items that are not asked: {odd}")
    found.expect(isinstance(revealing.unread({}), str), "`unread` of no rows gives no text")
