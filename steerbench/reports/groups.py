"""Runs whose numbers may stand in one table, and their rows in order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from steerbench.records.results import MethodResult, MetricRecord
from steerbench.reports.source import ReportSource, labels

TRAIT = re.compile("[A-Za-z]+[+-]?")
"""What a trait or its pole goes by: a letter or a word. Other parts of a headline are not of a trait ("best case")."""


@dataclass(frozen=True)
class ReportRow:
    """A method of a run; `run` is what distinguishes the run from the others of its table."""

    name: str
    run: str
    method: MethodResult


@dataclass(frozen=True)
class RunGroup:
    """The runs of one task, protocol and dataset: their numbers may stand in one table.

    `in_order`: rows stay in the order that they have in their runs, and are not sorted by the headline.
    """

    sources: tuple[ReportSource, ...]
    in_order: bool = False

    @cached_property
    def labels(self) -> list[str]:
        """What distinguishes each run from the others."""
        return labels(self.sources)

    @cached_property
    def metrics(self) -> list[str]:
        """All metrics, in the order of the row that has most of them: the task's own order, gaps left aside."""
        methods = [method for source in self.sources for method in source.result.methods.values()]
        fullest = sorted(methods, key=lambda method: -len(method.metrics))
        return list(dict.fromkeys(name for method in fullest for name in method.metrics))

    @property
    def same_methods(self) -> bool:
        """Whether several runs have the same rows, so that they can stand side by side."""
        rows = [{name: row.trivial for name, row in source.result.methods.items()} for source in self.sources]
        return len(rows) > 1 and all(row == rows[0] for row in rows)

    def rows(self) -> list[ReportRow]:
        """Every method of every run, by the headline, the best first, unless their order is given."""
        made = [
            ReportRow(name, label, method)
            for source, label in zip(self.sources, self.labels, strict=True)
            for name, method in source.result.methods.items()
        ]
        if self.in_order:
            return sorted(made, key=lambda row: self._place[row.name])
        sign = -1 if self.sources[0].result.higher_is_better else 1
        return sorted(made, key=lambda row: _order(row.method.metrics.get(self.headline), sign))

    @cached_property
    def _place(self) -> dict[str, int]:
        """Of each row's name, its place in the order."""
        names = dict.fromkeys(name for source in self.sources for name in source.result.methods)
        return {name: place for place, name in enumerate(names)}

    @property
    def by_trait(self) -> dict[str, str]:
        """By trait, the metric that is the headline of that trait alone; poles only where their trait has none."""
        parts = {name.removeprefix(f"{self.headline} "): name for name in self.metrics if name != self.headline}
        traits = {part: name for part, name in parts.items() if part != name and TRAIT.fullmatch(part)}
        return {part: name for part, name in traits.items() if part.rstrip("+-") == part or part[:-1] not in traits}

    @property
    def headline(self) -> str:
        """The metric that rows are sorted by; "" if there is none."""
        return next(iter(self.metrics), "")


def grouped(sources: Sequence[ReportSource], in_order: bool = False) -> list[RunGroup]:
    found: dict[tuple[object, ...], list[ReportSource]] = {}
    for source in sources:
        plan = source.result.plan
        found.setdefault((plan.task, plan.protocol, source.dataset, source.result.higher_is_better), []).append(source)
    return [RunGroup(tuple(members), in_order) for members in found.values()]


def _order(metric: MetricRecord | None, sign: int) -> float:
    return float("inf") if metric is None or metric.value is None else sign * metric.value
