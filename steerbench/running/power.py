"""How large a run has to be: the units that a difference needs, and the smallest difference that units can show.

What decides is how much the difference of two rows varies from unit to unit. Runs that were made tell it of their own
rows; before any, the rows that need no model tell it, where a task has some.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scipy import stats

from steerbench.contracts import Judged, Role, Scored, Split, Task
from steerbench.contracts.setting import Setting
from steerbench.contracts.targets import Respondent
from steerbench.errors import UserError
from steerbench.plugins.finding import available, find
from steerbench.plugins.parameters import parameters
from steerbench.records.plan import Plan, PlanRow, build_rows, build_task, roles_of
from steerbench.records.results import RESULT, ComparisonRecord, RunResult, comparison, read_result
from steerbench.running.evaluation import SteeredItem, reply_of, score_of_outcome
from steerbench.statistics import FEWEST, smallest_difference

PROBED, GLANCED = 60, 24
"""Targets that rows without a model are tried on: their spread is known to a tenth then, or at a glance to a sixth."""
MOST_RUNS = 50
TOLD_BY: tuple[Role, ...] = ("reference", "ceiling")


@dataclass(frozen=True)
class Spread:
    """How differently two rows fare: standard deviation over units of their paired differences of the loss."""

    method: str
    against: str
    difference: float
    spread: float
    units: int
    over: str

    def smallest(self, units: int) -> float | None:
        """The difference that four of five runs with so many units find; None if none can."""
        return smallest_difference(self.spread, units)


def spreads_of(result: RunResult) -> list[Spread]:
    """Those of a run's methods against the rows that they were compared with."""
    return [
        found
        for name, method in result.methods.items()
        for tested in method.comparisons
        if (found := _spread(name, tested, result.over)) is not None
    ]


def opened_task(plan: Plan) -> Task:
    """The plan's task, built for itself and unsealed: to count and to try on, never to choose or to measure with.

    Raises:
        UserError: it cannot be built.
    """
    task = build_task(plan)
    task.unseal()
    return task


def reference_spreads(
    plan: Plan, targets: int = PROBED, opened: Task | None = None, built: Sequence[PlanRow] = ()
) -> list[Spread]:
    """Those of the task's rows that need no model on so many targets, each as if it were a method; empty without any.

    `opened` is the plan's own task, unsealed, where there is one: it tells whether there are such rows, and they are
    tried on it if it has no other size than they need. `built` are the plan's rows: those that need no model are not
    built again if any are among them.

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
    summary = task.summarise({**methods, **scored}, plan.seed)
    found = []
    for method in methods:
        tested = [comparison(c) for c in summary.comparisons.get(method, ()) if method != f"like {c.against}"]
        made = (_spread(method, one, summary.over) for one in _closest(tested, roles_of(task)))
        found += [one for one in made if one is not None]
    return found


def stored_spreads(plan: Plan, out: Path) -> list[Spread]:
    """Those of runs under `out` on the plan's task and dataset, the newest `MOST_RUNS` folders."""
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
    """How many units the tests of a run will be over, and what they are: people, or questions. The task is unsealed."""
    targets = task.targets(Split.TEST)
    if targets and isinstance(targets[0], Respondent):
        return len(targets), "people"
    return len({item.id for target in targets for item in task.items(target, Split.TEST)}), "questions"


def outlook(units: int, over: str, spread: float | None, told_by: str) -> str:
    """What a run of so many units can show, in one sentence."""
    if units < FEWEST:
        return f"{units} {over} are too few for any difference to be significant; {FEWEST} are the least."
    found = None if spread is None else smallest_difference(spread, units)
    if found is None:
        return f"{units} {over}; what they can show is not known before a first run."
    return f"{units} {over}: four of five such runs find a difference in loss of {found:.2g} or more ({told_by})."


def _closest(tested: Sequence[ComparisonRecord], roles: Mapping[str, Role]) -> list[ComparisonRecord]:
    """The comparisons with references, and of those with constants the best one's: the others are soon beaten."""
    constants = [one for one in tested if roles.get(one.against) == "constant" and one.difference is not None]
    best = [max(constants, key=lambda one: one.difference or 0.0)] if constants else []
    return best + [one for one in tested if roles.get(one.against) != "constant"]


def _spread(method: str, tested: ComparisonRecord, over: str) -> Spread | None:
    """From the comparison's interval, which is Student's; None where it has none."""
    if tested.low is None or tested.high is None or tested.difference is None:
        return None
    half = (tested.high - tested.low) / 2
    spread = half * math.sqrt(tested.n) / float(stats.t.ppf(0.975, tested.n - 1))
    return Spread(method, tested.against, tested.difference, spread, tested.n, over)


def _tells(task: Task) -> bool:
    """Whether a task has rows that tell a spread without a model; what judges have not rated yet tells nothing."""
    return not isinstance(task, Judged) and any(role in TOLD_BY for role in roles_of(task).values())


def _probe(plan: Plan, targets: int) -> Plan:
    """The plan on so many targets, where its data are more than a sample: what few tell of a spread is no use."""
    plugin = find("task", plan.task)
    size, taken = getattr(plugin, "size", "limit"), parameters(plugin)
    given = dict(plan.task_parameters)
    if size in taken and (given.get("dataset") is not None or "dataset" not in taken):
        given[size] = targets
    return plan.model_copy(update={"task_parameters": given})


def _rows_without_model(plan: Plan, task: Task) -> list[PlanRow]:
    with_model = ("unsteered", "placebo", "control")
    known = available("method")
    names = tuple(name for name, role in roles_of(task).items() if role not in with_model and name in known)
    if not names:
        return []
    bare = plan.model_copy(update={"methods": names, "method_parameters": {}, "trivial": False})
    return [row for row in build_rows(bare, task) if not row.method.needs_model]


def _scored(task: Task, row: PlanRow) -> Sequence[Scored]:
    targets = task.targets(Split.TEST)
    # Whoever asks no model needs no engine to be fitted.
    fits = row.method.fit(None, targets)  # type: ignore[arg-type]
    return [
        Scored(target.id, item.id, score_of_outcome(task, item, target, reply_of(question)))
        for target, fitted in zip(targets, fits, strict=True)
        for item in task.items(target, Split.TEST)
        for question in [SteeredItem(target, item, Setting(1.0), fitted)]
    ]
