"""A row of a board: one method of one published run, and how it stands against the trivial rows beside it."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from steerbench.publishing.schema import Published
from steerbench.results import Comparison, MethodResult, Metric
from steerbench.standing import is_better, is_worse

Kind = Literal["trivial", "better", "partly", "same", "unknown", "kept", "lost"]
"""How a row is drawn: see `kind_of`."""


@dataclass(frozen=True)
class Row:
    run: Published
    name: str
    result: MethodResult
    place: int

    @property
    def anchor(self) -> str:
        """Where the run's page tells of this method; by its place, because a name may be anything."""
        return f"method-{self.place}"

    @property
    def headline(self) -> Metric | None:
        return next(iter(self.result.metrics.values()), None)

    @property
    def kind(self) -> Kind:
        return kind_of(self.result)

    @property
    def standing(self) -> str:
        """How it stands, in words; "" for a row that is no method."""
        return self.result.standing.words if self.result.standing else ""

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


def rows_of(run: Published) -> list[Row]:
    return [Row(run, name, result, place) for place, (name, result) in enumerate(run.methods.items())]


def kind_of(result: MethodResult) -> Kind:
    """`better`: than all there is to beat; `partly`: it moves the model and is worse than no row; `same`: neither.

    On a board that asks what steering spoils: `kept` or `lost`. `unknown` where nothing can be told.
    """
    standing = result.standing
    if result.trivial or standing is None:
        return "trivial"
    if standing.state != "tested":
        return "unknown"
    if standing.measures_cost:
        return "lost" if standing.worse else "kept"
    if standing.shown:
        return "better"
    return "same" if standing.worse or not standing.moves else "partly"


def verdict(comparison: Comparison) -> str:
    """What a paired test says, in words that go before the name of the other row."""
    if is_better(comparison):
        return "better than"
    return "worse than" if is_worse(comparison) else "not told apart from"


def judges_of(run: Published) -> str:
    return ", ".join(sorted({judge.name for judge in run.judges.values()}))


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
