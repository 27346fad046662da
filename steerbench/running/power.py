"""Power: how many units a difference needs, and the smallest difference that a number of units can detect.

Both depend on how much the difference between two rows varies over units. Finished runs give this spread for their own
rows. Before any run, the rows that need no model give it, where a task has some.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scipy import stats

from steerbench.contracts import Judged, Role, Scored, Split, Task
from steerbench.contracts.roles import CEILING, CONSTANT, CONTROL, PLACEBO, REFERENCE, UNSTEERED
from steerbench.contracts.setting import Setting
from steerbench.contracts.targets import Respondent
from steerbench.errors import UserError, counted
from steerbench.plugins.composed import fit
from steerbench.plugins.finding import available
from steerbench.plugins.plugin import resolve
from steerbench.records.plan import Plan, PlanRow, build_rows, build_task, roles_of
from steerbench.records.results import RESULT, ComparisonRecord, RunResult, comparison, read_result
from steerbench.running.evaluation import SteeredItem, reply_of, score_of_outcome
from steerbench.running.summary import summary_of
from steerbench.statistics import FEWEST, smallest_difference

PROBED, GLANCED = 60, 24
"""Targets for trials of rows without a model. The standard error of the spread is then a tenth, or a sixth, of it."""
MOST_RUNS = 50
TOLD_BY: tuple[Role, ...] = (REFERENCE, CEILING)


@dataclass(frozen=True)
class Spread:
    """How the loss difference between two rows varies: the standard deviation of paired differences over units."""

    method: str
    against: str
    difference: float
    spread: float
    units: int
    over: str

    def smallest(self, units: int) -> float | None:
        """The difference that runs with so many units detect with power .8; None if there is none."""
        return smallest_difference(self.spread, units)


def spreads_of(result: RunResult) -> list[Spread]:
    """The spreads of a run's methods against the rows that they were compared with."""
    return [
        found
        for name, method in result.methods.items()
        for tested in method.comparisons
        if (found := _spread(name, tested, result.over)) is not None
    ]


def opened_task(plan: Plan) -> Task:
    """The plan's task, built separately and unsealed. Use it to count and to try rows, never to choose or to measure.

    Raises:
        UserError: the task cannot be built.
    """
    task = build_task(plan)
    task.unseal()
    return task


def reference_spreads(
    plan: Plan, targets: int = PROBED, opened: Task | None = None, built: Sequence[PlanRow] = ()
) -> list[Spread]:
    """Spreads of the task's rows without a model on `targets` targets, each taken as a method; empty without such rows.

    `opened` is the plan's own task, unsealed, if there is one. It is used for the trial if it already has the right
    size. `built` are the plan's rows; its model-free rows are used instead of building them again.

    Raises:
        UserError: the task cannot be built.
    """
    probe = _probe(plan, targets)
    if opened is None or (probe != plan and _tells(opened)):
        opened = opened_task(probe)
    ready = [row for row in built if row.trivial and not row.method.needs_model]
    rows = (ready or _rows_without_model(plan, opened)) if _tells(opened) else []
    if not rows:
        return []
    task = opened
    scored = {row.name: _scored(task, row) for row in rows}
    methods = {f"like {row.name}": scored[row.name] for row in rows if row.role in TOLD_BY}
    summary = summary_of(task, {**methods, **scored}, plan.seed)
    found = []
    for method in methods:
        tested = [comparison(c) for c in summary.comparisons.get(method, ()) if method != f"like {c.against}"]
        made = (_spread(method, one, summary.over) for one in _closest(tested, roles_of(task)))
        found += [one for one in made if one is not None]
    return found


def stored_spreads(plan: Plan, out: Path) -> list[Spread]:
    """Spreads of the runs under `out` on the plan's task and dataset, from the newest `MOST_RUNS` folders."""
    folders = sorted(out.glob(f"{plan.task}-*/{RESULT}"), key=lambda path: -path.stat().st_mtime)[:MOST_RUNS]
    found: list[Spread] = []
    for file in folders:
        try:
            result = read_result(file.parent)
        except UserError:
            continue
        if result.plan.task_parameters.get("dataset") == plan.task_parameters.get("dataset"):
            found += spreads_of(result)
    return found


def typical(spreads: Iterable[Spread]) -> float | None:
    """The median spread."""
    known = [one.spread for one in spreads]
    return median(known) if known else None


def units_of(task: Task) -> tuple[int, str]:
    """The number of units of a run's tests, and what they are: people or questions. The task has to be unsealed."""
    targets = task.targets(Split.TEST)
    if targets and isinstance(targets[0], Respondent):
        return len(targets), "people"
    return len({item.id for target in targets for item in task.items(target, Split.TEST)}), "questions"


def outlook(units: int, over: str, spread: float | None, told_by: str) -> str:
    """One sentence on what a run with this many units can detect."""
    if units < FEWEST:
        return f"{counted(units, over)} are too few for any difference to be significant; {FEWEST} are the least."
    found = None if spread is None else smallest_difference(spread, units)
    if found is None:
        return f"{counted(units, over)}; what they can show is not known before a first run."
    return (
        f"{counted(units, over)}: four of five such runs find a difference in loss of {found:.2g} or more ({told_by})."
    )


def _closest(tested: Sequence[ComparisonRecord], roles: Mapping[str, Role]) -> list[ComparisonRecord]:
    """All comparisons with references, and the one with the best constant, which is the hardest constant to beat."""
    constants = [one for one in tested if roles.get(one.against) == CONSTANT and one.difference is not None]
    best = [max(constants, key=lambda one: one.difference or 0.0)] if constants else []
    return best + [one for one in tested if roles.get(one.against) != CONSTANT]


def _spread(method: str, tested: ComparisonRecord, over: str) -> Spread | None:
    """The spread behind a comparison's Student interval; None without an interval."""
    if tested.low is None or tested.high is None or tested.difference is None:
        return None
    half = (tested.high - tested.low) / 2
    spread = half * math.sqrt(tested.n) / float(stats.t.ppf(0.975, tested.n - 1))
    return Spread(method, tested.against, tested.difference, spread, tested.n, over)


def _tells(task: Task) -> bool:
    """Whether a task has rows that show a spread without a model. Judged tasks have none, as answers need a judge."""
    return not isinstance(task, Judged) and any(role in TOLD_BY for role in roles_of(task).values())


def _probe(plan: Plan, targets: int) -> Plan:
    """The plan with `targets` targets, if its data are more than a sample: few targets say little about a spread."""
    plugin = resolve("task", plan.task)
    size, taken = plugin.cls.size, plugin.parameters
    given = dict(plan.task_parameters)
    if size in taken and (given.get("dataset") is not None or "dataset" not in taken):
        given[size] = targets
    return plan.model_copy(update={"task_parameters": given})


def _rows_without_model(plan: Plan, task: Task) -> list[PlanRow]:
    with_model = (UNSTEERED, PLACEBO, CONTROL)
    known = available("method")
    names = tuple(name for name, role in roles_of(task).items() if role not in with_model and name in known)
    if not names:
        return []
    bare = plan.model_copy(update={"methods": names, "method_parameters": {}, "trivial": False})
    return [row for row in build_rows(bare, task) if not row.method.needs_model]


def _scored(task: Task, row: PlanRow) -> Sequence[Scored]:
    targets = task.targets(Split.TEST)
    # A method that needs no model is fitted without an engine.
    fits = fit(row.method, None, targets)  # type: ignore[arg-type]
    return [
        Scored(target.id, item.id, score_of_outcome(task, item, target, reply_of(task, row.name, question)))
        for target, fitted in zip(targets, fits, strict=True)
        for item in task.items(target, Split.TEST)
        for question in [SteeredItem(target, item, Setting(1.0), fitted)]
    ]
