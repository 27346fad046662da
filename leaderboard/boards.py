"""Boards: the rows of all runs on one task and dataset, in order."""

from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property

from leaderboard.bands import BANDS, Band, ceiling, dashed, of_role, to_clear
from leaderboard.drawing import PlotAxis, axis_over
from leaderboard.reported import Reported, of_task
from leaderboard.row import LeaderboardRow, dataset_of, engine_of, judges_of, rows_of, settings_of
from leaderboard.text import decimals, slug, value
from steerbench.publishing.schema import Published
from steerbench.records.results import MetricRecord, without_break_downs

METRICS = 4
"""Maximum metrics of a board besides its headline; a run's page has all."""
PREFERRED = (
    "share of ceiling",
    "individual r",
    "fluency",
    "change",
    "separation",
    "trait score",
    "beyond placebo",
    "perplexity ratio",
    "off-target",
    "spill-over",
    "range",
    "missing rate",
    "unscored rate",
    "unreadable rate",
    "overflowed rate",
)
"""Metrics that come before others: the position between the best constant and the ceiling, whether answers follow the
person, side effects, how much answers differ at all, and how much was unreadable."""


@dataclass(frozen=True)
class PublishedBoard:
    """A task on a dataset. Strict and `published` rows are in separate lists."""

    task: str
    dataset: str
    runs: tuple[Published, ...]

    @property
    def path(self) -> str:
        return "/".join(["boards", slug(self.task), *([slug(self.dataset)] if self.dataset else [])]) + ".html"

    @cached_property
    def rows(self) -> list[LeaderboardRow]:
        return sorted((row for run in self.runs for row in rows_of(run)), key=self._place)

    @cached_property
    def higher_is_better(self) -> bool:
        return Counter(run.higher_is_better for run in self.runs).most_common(1)[0][0]

    @cached_property
    def columns(self) -> list[str]:
        """The metrics with a column: the headline, then the preferred ones, then those that most runs have."""
        listed = [names for run in self.runs if (names := _metrics_of(run))]
        counted = Counter(name for names in listed for name in names)
        first = Counter(names[0] for names in listed).most_common(1)
        if not first:
            return []
        rank = {name: place for place, name in enumerate(PREFERRED)}
        common = sorted(counted, key=lambda name: (rank.get(name, len(rank)), -counted[name]))
        rest = [name for name in common if name != first[0][0]]
        return [first[0][0], *rest[:METRICS]]

    @cached_property
    def digits(self) -> dict[str, int]:
        return {name: decimals(value(row.result.metrics.get(name)) for row in self.rows) for name in self.columns}

    @cached_property
    def axis(self) -> PlotAxis:
        return axis_over(self.headline(row) for row in self.rows)

    @cached_property
    def several_settings(self) -> bool:
        """Whether runs differ in the task's settings."""
        return len({settings_of(run) for run in self.runs}) > 1

    @cached_property
    def measures_cost(self) -> bool:
        """Whether the task measures side effects of steering."""
        return any(run.measures_cost for run in self.runs)

    @cached_property
    def reported(self) -> list[Reported]:
        """Results in papers on the task, on any data."""
        return of_task(self.task)

    def headline(self, row: LeaderboardRow) -> MetricRecord | None:
        return row.result.metrics.get(self.columns[0]) if self.columns else None

    @cached_property
    def _of_run(self) -> dict[str, list[LeaderboardRow]]:
        """The rows of each run, the best first."""
        found: defaultdict[str, list[LeaderboardRow]] = defaultdict(list)
        for row in self.rows:
            found[row.run.id].append(row)
        return dict(found)

    @cached_property
    def dashed(self) -> str:
        """What the dashed line of a drawing is."""
        return dashed(self.rows)

    @cached_property
    def has_ceiling(self) -> bool:
        return ceiling(self.rows) is not None

    def reference(self, row: LeaderboardRow) -> float | None:
        """The position on the axis of the same run's best constant. Other runs may have asked other items."""
        return self._at(to_clear(self._of_run[row.run.id]))

    def ceiling(self, row: LeaderboardRow) -> float | None:
        """The position on the axis of the same run's ceiling."""
        return self._at(ceiling(self._of_run[row.run.id]))

    def _at(self, row: LeaderboardRow | None) -> float | None:
        found = value(self.headline(row)) if row is not None else None
        return None if found is None else self.axis.place(found)

    def methods(self, protocol: str) -> list[LeaderboardRow]:
        return [row for row in self.rows if row.run.plan.protocol == protocol and not row.result.trivial]

    def bands(self, protocol: str) -> list[tuple[Band, list[LeaderboardRow]]]:
        """The rows that methods are compared with, in groups.

        Runs with the same model and task settings share these rows; the best of each is shown.
        """
        found: dict[tuple[str, ...], LeaderboardRow] = {}
        for row in self.rows:
            run = row.run
            if row.result.trivial and run.plan.protocol == protocol:
                found.setdefault((row.name, run.model, engine_of(run), judges_of(run), settings_of(run)), row)
        grouped = [(band, of_role(found.values(), *band.roles)) for band in BANDS]
        return [(band, rows) for band, rows in grouped if rows]

    def _place(self, row: LeaderboardRow) -> tuple[float, str, str]:
        found = value(self.headline(row))
        sign = -1 if self.higher_is_better else 1
        return float("inf") if found is None else sign * found, row.name, row.run.id


def boards_of(runs: Sequence[Published], doses: Container[str] = ()) -> list[PublishedBoard]:
    """Boards by task and dataset, in alphabetical order. The runs of a trade-off (`doses`) are on none."""
    grouped: defaultdict[tuple[str, str], list[Published]] = defaultdict(list)
    for run in runs:
        if run.id not in doses:
            grouped[run.plan.task, dataset_of(run)].append(run)
    return [PublishedBoard(*key, runs=tuple(grouped[key])) for key in sorted(grouped)]


def _metrics_of(run: Published) -> list[str]:
    fullest = sorted(run.methods.values(), key=lambda method: -len(method.metrics))
    return without_break_downs(dict.fromkeys(name for method in fullest for name in method.metrics))
