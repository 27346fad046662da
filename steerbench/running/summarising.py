"""Builds a run's result from its ledger: the task's summary, choices, costs and deviations."""

import resource
import sys
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from steerbench.contracts import Scored, Split, Summary, Task
from steerbench.contracts.flags import Flag
from steerbench.contracts.roles import CONTROL
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import Steering
from steerbench.judging.panel import Panel, verdicts_key
from steerbench.plugins.code import judge_identity
from steerbench.records.flags import OVERFLOWS
from steerbench.records.ledger import Ledger
from steerbench.records.movement import movement_of
from steerbench.records.plan import Identity, Plan, PlanRow, roles_of
from steerbench.records.results import (
    JudgeCheck,
    JudgeResult,
    MethodResult,
    MethodTiming,
    RunResult,
    Timings,
    comparison,
    metrics,
    movement,
)
from steerbench.records.standing import Standing, standing_of
from steerbench.running.evaluation import OVERFLOWED
from steerbench.running.summary import summary_of

CHOSEN_ON_TEST = "strength chosen on the test items"


def report(
    plan: Plan,
    task: Task,
    rows: Sequence[PlanRow],
    identity: Identity,
    ledger: Ledger,
    scored: Mapping[str, Sequence[Scored]],
    judges: Mapping[str, JudgeResult] | None = None,
    facts: Mapping[str, Mapping[str, float]] | None = None,
) -> RunResult:
    """The result of a run with every row measured; `facts` are the medians of each row's fits (`medians`)."""
    summary = summary_of(task, scored, plan.seed)
    seconds = ledger.seconds()
    methods = {}
    for row in rows:
        choices = ledger.choices(row.name)
        methods[row.name] = MethodResult(
            role=row.role,
            standing=standing_of_row(row, summary, choices, task),
            settings={name: dict(settings) for name, settings in row.settings.items()},
            metrics=metrics(summary.metrics.get(row.name, {})),
            comparisons=[comparison(tested) for tested in summary.comparisons.get(row.name, ())],
            flags=[*overflows(scored[row.name]), *summary.flags.get(row.name, ())],
            strengths={target: setting.strength for target, setting in choices.items()},
            wordings={target: setting.wording for target, setting in choices.items() if setting.wording},
            items=len(scored[row.name]),
            unscored=sum(s.score.unscored != "" for s in scored[row.name]),
            generated_tokens=ledger.tokens(row.name),
            facts=dict((facts or {}).get(row.name, {})),
            movement=movement(movement_of(row.name, roles_of(task), scored, summary.over)),
        )
    return RunResult(
        digest=identity.digest,
        identity=dict(identity.fields),
        plan=plan,
        targets=len({s.target for row in scored.values() for s in row}),
        methods=methods,
        deviations=deviations(plan, task, rows, ledger, identity),
        timings=Timings(
            methods={row.name: MethodTiming(**seconds.get(row.name, {})) for row in rows},
            peak_memory_bytes=peak_memory(),
            date=ledger.meta().get("created", "")[:10],
        ),
        higher_is_better=summary.higher_is_better,
        judges=dict(judges or {}),
        over=summary.over,
        framing=task.framing,
        controls=[name for name, role in roles_of(task).items() if role == CONTROL],
    )


def standing_of_row(row: PlanRow, summary: Summary, choices: Mapping[str, Setting], task: Task) -> Standing | None:
    """A method's standing; None for the rows that methods are compared with."""
    if row.trivial:
        return None
    strengths = {target: setting.strength for target, setting in choices.items()}
    return method_standing(row.name, summary, task, strengths)


def method_standing(name: str, summary: Summary, task: Task, strengths: Mapping[str, float]) -> Standing:
    """A method's standing on a task's board."""
    return standing_of(
        summary.comparisons.get(name, ()),
        roles_of(task),
        strengths,
        summary.cannot_tell or summary.saturated.get(name, ""),
        measures_cost(task),
        summary.over,
        summary.doubt,
    )


def measures_cost(task: Task) -> bool:
    """Whether the task measures side effects of a steering instead of its effect."""
    return not task.chooses_strengths if task.measures_cost is None else task.measures_cost


def medians(fits: Sequence[Steering]) -> dict[str, float]:
    """The median of each fact over the fits that have it."""
    names = sorted({name for fitted in fits for name in fitted.facts})
    return {name: float(median(fitted.facts[name] for fitted in fits if name in fitted.facts)) for name in names}


def overflows(scored: Sequence[Scored]) -> list[Flag]:
    """A flag if the steering overflowed on some answers; the row's other numbers then mean little."""
    count = sum(one.score.unscored == OVERFLOWED for one in scored)
    return [OVERFLOWS(count=count, answers=len(scored))] if count else []


def judge_results(panel: Panel, checked: Mapping[str, JudgeCheck]) -> dict[str, JudgeResult]:
    """The run's judges by role, in the form of its result."""
    results = {}
    for role, judge in panel.judges.items():
        digest = verdicts_key(judge)
        verdicts, unscored = panel.verdicts.counts(digest)
        results[role] = JudgeResult(
            name=judge.name,
            identity=judge_identity(judge),
            check=checked.get(role),
            verdicts=verdicts,
            unscored=unscored,
            **vars(panel.verdicts.used(digest)),
        )
    return results


def deviations(plan: Plan, task: Task, rows: Sequence[PlanRow], ledger: Ledger, identity: Identity) -> list[str]:
    """Every deviation from the strict protocol, and a note if thinking had to be disabled in the model."""
    thoughts = (identity.fields.get("engine") or {}).get("thoughts")
    named = [*task.deviations, *([f"of the model: {thoughts}"] if thoughts else [])]
    if plan.protocol != "published":
        return named
    named += methods_deviations(rows)
    chose = any(ledger.steps(row.name, Split.CALIBRATION) for row in rows)
    return [*named, CHOSEN_ON_TEST] if chose else named


def methods_deviations(rows: Iterable[PlanRow]) -> list[str]:
    """The deviations of a published run's methods, each with its row's name; trivial rows have none."""
    asked = [row for row in rows if not row.trivial]
    return [f"{row.name}: {told}" for row in asked for told in row.method.deviations]


def peak_memory() -> int:
    """The process's peak memory in bytes: on the accelerator if one was used, otherwise resident."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
