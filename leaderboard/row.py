"""A row of a board: one row of a published run, and its standing against the rows that it is compared with."""

import itertools
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from leaderboard.phrases import phrase
from steerbench.contracts import Role
from steerbench.contracts.roles import UNSTEERED
from steerbench.publishing.schema import Published
from steerbench.records.results import ComparisonRecord, JudgeResult, MethodResult, MetricRecord
from steerbench.records.standing import is_better, is_worse

Kind = Literal["beside", "better", "partly", "same", "unknown", "kept", "lost"]
"""How a row is drawn; see `kind_of`."""
LABELS: Mapping[Role, str] = {UNSTEERED: "the model as it is"}
"""Labels of rows that are not methods, if they differ from the role."""


@dataclass(frozen=True)
class LeaderboardRow:
    run: Published
    name: str
    result: MethodResult
    place: int

    @property
    def anchor(self) -> str:
        """The method's anchor on the run's page. It uses the position, because a name may be any text."""
        return f"method-{self.place}"

    @property
    def headline(self) -> MetricRecord | None:
        return next(iter(self.result.metrics.values()), None)

    @property
    def kind(self) -> Kind:
        return kind_of(self.result)

    @property
    def standing(self) -> str:
        """The standing in words; "" for a row that is not a method."""
        return self.result.standing.words if self.result.standing else ""

    @property
    def phrase(self) -> str:
        """The standing as a short phrase."""
        return phrase(self.result.standing) if self.result.standing else ""

    @property
    def label(self) -> str:
        """The row's role on the board, if it is not a method and its name does not say so."""
        role = self.result.role
        return "" if role is None or role == self.name else LABELS.get(role, role)

    @property
    def strength(self) -> float | None:
        """The median over targets; None if there was none to choose."""
        return statistics.median(self.result.strengths.values()) if self.result.steered else None

    @property
    def flags(self) -> list[str]:
        return self.result.warnings

    @property
    def asked(self) -> str:
        """The parameters that were given, as text."""
        return _assignments(self.run.plan.method_parameters.get(self.name, {}))

    @property
    def seconds(self) -> float:
        timing = self.run.timings.methods.get(self.name)
        return timing.fit + timing.calibrate + timing.evaluate + timing.judge if timing else 0.0

    @property
    def pace(self) -> float | None:
        """Seconds of evaluation per 1,000 answers; None for rows that ask no model."""
        timing = self.run.timings.methods.get(self.name)
        if timing is None or timing.evaluate <= 0 or self.result.items <= 0:
            return None
        pace = 1000 * timing.evaluate / self.result.items
        return pace if math.isfinite(pace) and pace > 0 else None


def rows_of(run: Published) -> list[LeaderboardRow]:
    return [LeaderboardRow(run, name, result, place) for place, (name, result) in enumerate(run.methods.items())]


def kind_of(result: MethodResult) -> Kind:
    """How a row is drawn, by its tests.

    `better`: better than every row to beat. `same` (greyed): not shown to move the model, or worse than some row.
    `partly`: in between. On boards of side effects: `kept` or `lost`. `unknown`: it cannot be judged. `beside`: it is
    not a method.
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
    """The result of a paired test, in words that are followed by the other row's name."""
    if is_better(comparison):
        return "better than"
    return "worse than" if is_worse(comparison) else "not significantly different from"


def judges_of(run: Published) -> str:
    """The judges' names, each with its edition if it has one, because editions rate differently."""
    return ", ".join(sorted({_judge_named(judge) for judge in run.judges.values()}))


def _judge_named(judge: JudgeResult) -> str:
    edition = judge.identity.get("edition")
    return f"{judge.name} (edition {edition})" if edition else judge.name


def engine_of(run: Published) -> str:
    """The engine and its dtype, from the run's identity."""
    engine = run.identity.get("engine")
    if not isinstance(engine, dict):
        return ""
    return " ".join(str(engine[key]) for key in ("engine", "dtype") if key in engine)


def dataset_of(run: Published) -> str:
    task = run.identity.get("task")
    return str(task.get("dataset", "")) if isinstance(task, dict) else ""


def settings_of(run: Published) -> str:
    """The task's settings except its dataset. Runs with different settings were not asked the same."""
    given = {name: value for name, value in run.plan.task_parameters.items() if name != "dataset"}
    return _assignments(given) or "usual settings"


def _assignments(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in itertools.islice(sorted(given.items()), 20))
