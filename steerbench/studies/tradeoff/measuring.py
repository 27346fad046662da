"""Measures a trade-off: first the runs of every method's curve, then those at the strengths of the common effect."""

from pathlib import Path

from steerbench.contracts import Engine
from steerbench.contracts.progress import Progress, Silent
from steerbench.plugins.composed import adapted, build_method
from steerbench.records.json_files import write_record
from steerbench.studies.campaign import Campaign
from steerbench.studies.tradeoff.asked import Tradeoff
from steerbench.studies.tradeoff.choosing import Terms, choose
from steerbench.studies.tradeoff.evidence import CALIBRATION, TEST
from steerbench.studies.tradeoff.findings import conclude, name_of
from steerbench.studies.tradeoff.result import RESULT, TradeoffResult
from steerbench.studies.tradeoff.runs import TradeoffRuns


def run_tradeoff(
    asked: Tradeoff, out: Path, engine: Engine, progress: Progress | None = None, judge_budget: float | None = None
) -> tuple[TradeoffResult, Path]:
    """Makes the runs that are not made yet, on one engine; returns the result and the folder where it is written.

    Raises:
        UserError: a run cannot be made (as in `prepare` and `execute`), or the judges' budget is spent.
    """
    for method in asked.base.methods:
        adapted(build_method(method, asked.base.method_parameters, asked.base.seed), engine)
    runs, terms = TradeoffRuns(asked, Campaign(out, engine, progress or Silent(), judge_budget)), terms_of(asked)
    every = [dose for doses in terms.doses.values() for dose in doses]
    runs.make([CALIBRATION], every)
    chosen = choose(terms, runs.evidence).doses
    runs.make([TEST], chosen)
    runs.make(terms.costs, [*every, *chosen])
    result = conclude(terms, runs.evidence)
    folder = out / f"tradeoff-{name_of(result, runs.evidence)}"
    write_record(result, folder / RESULT)
    return result, folder


def terms_of(asked: Tradeoff) -> Terms:
    return Terms(
        effect_task=asked.base.task,
        targets=asked.targets,
        side_cost=asked.effect_task.cost,
        costs=list(asked.costs),
        dials=asked.dials,
        strengths=asked.strengths,
        wanted=asked.wanted,
        seed=asked.base.seed,
    )
