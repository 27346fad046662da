"""A row of a board: one row of one published run, and how it stands against those that it is compared with."""

import itertools
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from leaderboard.phrases import phrase
from steerbench.contracts import Role
from steerbench.publishing.schema import Published
from steerbench.records.results import ComparisonRecord, JudgeResult, MethodResult, MetricRecord
from steerbench.records.standing import is_better, is_worse

Kind = Literal["beside", "better", "partly", "same", "unknown", "kept", "lost"]
"""How a row is drawn: see `kind_of`."""
LABELS: Mapping[Role, str] = {"unsteered": "the model as it is"}
"""What a row that is no method is called beside its name, where that is not its role."""


@dataclass(frozen=True)
class LeaderboardRow:
    run: Published
    name: str
    result: MethodResult
    place: int

    @property
    def anchor(self) -> str:
        """Where the run's page tells of this method; by its place, because a name may be anything."""
        return f"method-{self.place}"

    @property
    def headline(self) -> MetricRecord | None:
        return next(iter(self.result.metrics.values()), None)

    @property
    def kind(self) -> Kind:
        return kind_of(self.result)

    @property
    def standing(self) -> str:
        """How it stands, in words; "" for a row that is no method."""
        return self.result.standing.words if self.result.standing else ""

    @property
    def phrase(self) -> str:
        """The same where there is little room."""
        return phrase(self.result.standing) if self.result.standing else ""

    @property
    def label(self) -> str:
        """What it is on the board for, if it is no method and its name does not say so."""
        role = self.result.role
        return "" if role is None or role == self.name else LABELS.get(role, role)

    @property
    def strength(self) -> float | None:
        """The median over targets; None where there was none to choose."""
        return statistics.median(self.result.strengths.values()) if self.result.steered else None

    @property
    def flags(self) -> list[str]:
        return self.result.flags

    @property
    def asked(self) -> str:
        """The parameters that it was given, if it was."""
        return _assignments(self.run.plan.method_parameters.get(self.name, {}))

    @property
    def seconds(self) -> float:
        timing = self.run.timings.methods.get(self.name)
        return timing.fit + timing.calibrate + timing.evaluate + timing.judge if timing else 0.0

    @property
    def pace(self) -> float | None:
        """Seconds of evaluation per 1,000 answers; None for what asks no model."""
        timing = self.run.timings.methods.get(self.name)
        if timing is None or timing.evaluate <= 0 or self.result.items <= 0:
            return None
        pace = 1000 * timing.evaluate / self.result.items
        return pace if math.isfinite(pace) and pace > 0 else None


def rows_of(run: Published) -> list[LeaderboardRow]:
    return [LeaderboardRow(run, name, result, place) for place, (name, result) in enumerate(run.methods.items())]


def kind_of(result: MethodResult) -> Kind:
    """How a row is drawn, by its tests.

    `better`: than all there is to beat. `same`, which is greyed: not shown to move the model, or worse than some row.
    `partly`: what lies between. On a board that asks what steering spoils: `kept` or `lost`. `unknown` where nothing
    can be told of it. `beside`: no method.
    """
    standing = result.standing
    if result.trivial or standing is None:
        return "beside"
    if standing.state != "tested":
        return "unknown"
    if standing.measures_cost:
        return "lost" if standing.worse else "kept"
    if standing.shown:
        return "better"
    if standing.worse or standing.moves is False:
        return "same"
    return "partly" if standing.moves or standing.constants or standing.reference else "unknown"


def verdict(comparison: ComparisonRecord) -> str:
    """What a paired test says, in words that go before the name of the other row."""
    if is_better(comparison):
        return "better than"
    return "worse than" if is_worse(comparison) else "not told apart from"


def judges_of(run: Published) -> str:
    """The judges' names, behind each its edition if it has one: another edition rates otherwise."""
    return ", ".join(sorted({_judge_named(judge) for judge in run.judges.values()}))


def _judge_named(judge: JudgeResult) -> str:
    edition = judge.identity.get("edition")
    return f"{judge.name} (edition {edition})" if edition else judge.name


def engine_of(run: Published) -> str:
    """The engine and the type it computed in, as the run's identity has them."""
    engine = run.identity.get("engine")
    if not isinstance(engine, dict):
        return ""
    return " ".join(str(engine[key]) for key in ("engine", "dtype") if key in engine)


def dataset_of(run: Published) -> str:
    task = run.identity.get("task")
    return str(task.get("dataset", "")) if isinstance(task, dict) else ""


def settings_of(run: Published) -> str:
    """What was asked of the task, but for its dataset: runs that differ in it were not asked the same."""
    given = {name: value for name, value in run.plan.task_parameters.items() if name != "dataset"}
    return _assignments(given) or "usual settings"


def _assignments(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in itertools.islice(sorted(given.items()), 20))
