"""Sweeps: one parameter of a method over several values, with a run for each, on one loaded model.

Every run is an ordinary one in its own folder. So a sweep that was stopped continues, and no value is measured twice.
The unsteered model is run as the reference.
"""

import hashlib
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from steerbench.contracts import Engine
from steerbench.contracts.progress import Progress, Silent
from steerbench.contracts.roles import UNSTEERED
from steerbench.errors import UserError, unknown
from steerbench.plugins.composed import adapted, build_method, names
from steerbench.plugins.plugin import resolve
from steerbench.records.json_files import write_record
from steerbench.records.plan import Plan, build_rows, build_task
from steerbench.records.results import MetricRecord, without_break_downs
from steerbench.storage.json_models import FrozenModel
from steerbench.studies.campaign import Campaign, FinishedRun

SCHEMA = 2
RESULT = "sweep.json"
STRENGTH = "strength"
REFERENCE = UNSTEERED


class SweepPoint(FrozenModel):
    """One run of a sweep: its folder, next to the sweep's, and its board, headline first and without break-downs.

    `strength` is the median of the chosen strengths, or None if there was none to choose.
    """

    value: JsonValue
    run: str
    digest: str
    metrics: dict[str, MetricRecord]
    strength: float | None
    remarks: list[str]


class SweepResult(FrozenModel):
    """A sweep's result. `symbol` is the parameter as the user wrote it, `parameter` its name in a plan."""

    schema_version: int = SCHEMA
    task: str
    method: str
    symbol: str
    parameter: str
    headline: str
    higher_is_better: bool
    targets: int
    points: list[SweepPoint]
    reference: SweepPoint


@dataclass(frozen=True)
class Swept:
    """A swept parameter: the single method it belongs to, and its name there. `strength` belongs to the plan."""

    symbol: str
    method: str
    parameter: str


@dataclass(frozen=True)
class Sweep:
    """`base` is the plan of every run except for the parameter's value."""

    base: Plan
    swept: Swept
    values: Sequence[JsonValue]

    def __post_init__(self) -> None:
        self._refuse_values_given_twice()
        # Every value is checked with the constructor now, not after the runs before it have taken hours.
        task = build_task(self.base)
        for value in self.values:
            build_rows(self.plan(value), task)

    def plan(self, value: JsonValue) -> Plan:
        """The plan of one value's run.

        Raises:
            UserError: a strength that is not a number.
        """
        if self.swept.parameter == STRENGTH:
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
                raise UserError(f"{self.swept.symbol} cannot be '{value}': a strength is a number.")
            return self.base.model_copy(update={"strength": float(value)})
        given = dict(self.base.method_parameters)
        given[self.swept.method] = {**given.get(self.swept.method, {}), self.swept.parameter: value}
        return self.base.model_copy(update={"method_parameters": given})

    def reference(self) -> Plan:
        """The plan of the unsteered run."""
        return self.base.model_copy(update={"methods": (REFERENCE,), "method_parameters": {}, "strength": None})

    def folder(self, out: Path, digests: Sequence[str]) -> Path:
        """The folder of this sweep's result: the same runs in the same order have the same folder."""
        told = json.dumps([self.swept.symbol, self.swept.parameter, list(self.values), list(digests)])
        method = self.base.methods[0][:60].rstrip("-+")
        digest = hashlib.sha256(told.encode()).hexdigest()
        return out / f"sweep-{self.base.task}-{method}-{self.swept.symbol}-{digest[:10]}"

    def _refuse_values_given_twice(self) -> None:
        swept = self.swept
        fixed = self.base.method_parameters.get(swept.method, {})
        if swept.parameter == STRENGTH and self.base.strength is not None:
            raise UserError(f"The strength is fixed, but {swept.symbol} sweeps it; leave --strength out.")
        if swept.parameter != STRENGTH and swept.parameter in fixed:
            raise UserError(
                f"{swept.method}.{swept.parameter} is fixed at {fixed[swept.parameter]}, but {swept.symbol} sweeps it; "
                "leave one of them out."
            )


def parameter_named(plan: Plan, symbol: str, part: str = "") -> Swept:
    """The parameter that a user calls `symbol`: the strength, a constructor's parameter, or a paper's symbol for one.

    A method's attribute `symbols` maps its paper's symbols. `part` names one of the composed methods.

    Raises:
        UserError: the plan's method has no such parameter, or several of its parts do.
    """
    (spec,) = plan.methods
    parts = names(spec)
    if part and part not in parts:
        raise UserError(unknown("method in this sweep called", part, parts))
    low, high = build_method(spec, plan.method_parameters, plan.seed).strengths
    found, known = [], [STRENGTH] if low != high else []
    for name in [part] if part else parts:
        plugin = resolve("method", name)
        accepted, symbols = plugin.parameters, plugin.cls.symbols
        known += [*accepted, *symbols]
        parameter = symbols.get(symbol, symbol)
        if parameter in accepted or (parameter == STRENGTH and low != high):
            found.append(Swept(symbol, name, parameter))
    if not found:
        raise UserError(unknown(f"parameter of the method '{spec}' called", symbol, sorted(set(known))))
    if len({swept.parameter == STRENGTH or swept.method for swept in found}) > 1:
        having = " and ".join(f"{swept.method}.{symbol}" for swept in found)
        raise UserError(f"'{symbol}' may be {having}; write one of them.")
    return found[0]


def run_sweep(
    sweep: Sweep,
    out: Path,
    engine: Engine,
    progress: Progress | None = None,
    judge_budget: float | None = None,
) -> tuple[SweepResult, Path]:
    """Makes the runs that are not made yet, on one engine; returns the result and the folder where it is written.

    `judge_budget` is the most that judges may cost, over all runs.

    Raises:
        UserError: a run cannot be made (as in `prepare` and `execute`), or the budget is spent.
    """
    labelled = [(f"{sweep.swept.symbol}={value}", sweep.plan(value)) for value in sweep.values]
    for _, plan in labelled:
        adapted(build_method(plan.methods[0], plan.method_parameters, plan.seed), engine)
    campaign = Campaign(out, engine, progress or Silent(), judge_budget)
    found = campaign.run_all([(REFERENCE, sweep.reference()), *labelled])
    whole = _result(sweep, found)
    folder = sweep.folder(out, [made.result.digest for made in found])
    write_record(whole, folder / RESULT)
    return whole, folder


def _result(sweep: Sweep, found: Sequence[FinishedRun]) -> SweepResult:
    reference, *points = [_point(value, made) for value, made in zip([None, *sweep.values], found, strict=True)]
    first = found[1].result
    return SweepResult(
        task=sweep.base.task,
        method=sweep.base.methods[0],
        symbol=sweep.swept.symbol,
        parameter=sweep.swept.parameter,
        headline=next(iter(points[0].metrics), ""),
        higher_is_better=first.higher_is_better,
        targets=first.targets,
        points=points,
        reference=reference,
    )


def _point(value: JsonValue, made: FinishedRun) -> SweepPoint:
    (row,) = made.result.methods.values()
    chosen = list(row.strengths.values())
    return SweepPoint(
        value=value,
        run=made.folder.name,
        digest=made.result.digest,
        metrics={name: row.metrics[name] for name in without_break_downs(row.metrics)},
        strength=statistics.median(chosen) if any(strength != 1 for strength in chosen) else None,
        remarks=row.remarks,
    )
