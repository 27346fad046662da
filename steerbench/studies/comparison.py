"""Two runs compared row by row, or one row with another, paired over the targets that both have."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.errors import UserError, counted, unknown
from steerbench.records.found_ledgers import LEDGER, read_plan, reading
from steerbench.statistics import holm, mean_estimate, sign_flip_test

PUBLISHED = "published.json"
Array = NDArray[np.float64]
Losses = Mapping[tuple[str, str], float]
"""By (target, item), the loss of a row's answer."""


@dataclass(frozen=True)
class Paired:
    """A row in two runs: mean loss per item in each, and the second less the first with its interval.

    `method` names the row, or both ("pas / caa") where one row is compared with another.
    """

    method: str
    first: float
    second: float
    difference: Metric
    p: float
    p_holm: float


@dataclass(frozen=True)
class Compared:
    """Pairs of rows, and in sentences what of the two runs is not compared and why."""

    pairs: list[Paired]
    left_out: list[str]


def compare(first: Path, second: Path, seed: int = 0, rows: tuple[str, str] | None = None) -> Compared:
    """Paired sign-flip tests of all rows that both runs have, with Holm's correction; or of one pair of `rows`.

    A target counts by its mean loss over the test items that were scored in both runs.

    Raises:
        UserError: a run cannot be read, the runs measure different tasks, or they share no row or no target.
    """
    _refuse_other_tasks(first, second)
    one, two = measured_losses(first), measured_losses(second)
    matched = _matched(one, two, first, second, rows)
    means = {name: _means(one[row], two[other]) for name, (row, other) in matched.items()}
    paired = {name: pair for name, pair in means.items() if len(pair[0])}
    if not paired:
        name = next(iter(means))
        raise UserError(f"The runs {first} and {second} share no target of '{name}': they asked different people.")
    p_values = [sign_flip_test(after - before, np.random.default_rng(seed)) for before, after in paired.values()]
    pairs = [
        Paired(name, float(before.mean()), float(after.mean()), mean_estimate(after - before), p, adjusted)
        for (name, (before, after)), p, adjusted in zip(paired.items(), p_values, holm(p_values), strict=True)
    ]
    left_out = [] if rows else list(_rows_of_one(one, two))
    left_out += [f"{name}: no target has answers in both runs." for name in means if name not in paired]
    left_out += _items_of_one({name: (one[matched[name][0]], two[matched[name][1]]) for name in paired})
    return Compared(pairs, left_out)


def _refuse_other_tasks(first: Path, second: Path) -> None:
    for run in (first, second):
        if not (run / LEDGER).is_file() and (run / PUBLISHED).is_file():
            raise UserError(f"{run} is a published run, which has no {LEDGER}; compare runs that were made here.")
    tasks = [read_plan(run / LEDGER).task for run in (first, second)]
    if tasks[0] != tasks[1]:
        raise UserError(f"The runs measure different tasks ({tasks[0]}, {tasks[1]}), whose losses cannot be compared.")


def _matched(
    one: Mapping[str, Losses], two: Mapping[str, Losses], first: Path, second: Path, rows: tuple[str, str] | None
) -> dict[str, tuple[str, str]]:
    """By name of a pair, the row of each run."""
    if rows is None:
        shared = {row: (row, row) for row in one if row in two}
        if not shared:
            raise UserError(f"The runs {first} and {second} share no method: there is nothing to compare.")
        return shared
    for row, losses, run in ((rows[0], one, first), (rows[1], two, second)):
        if row not in losses:
            raise UserError(unknown(f"row with scored answers in {run} called", row, losses))
    return {rows[0] if rows[0] == rows[1] else " / ".join(rows): rows}


def _rows_of_one(one: Mapping[str, Losses], two: Mapping[str, Losses]) -> Iterator[str]:
    for place, own, other in (("first", one, two), ("second", two, one)):
        if only := [row for row in own if row not in other]:
            yield f"Only in the {place} run: {', '.join(only)}."


def _items_of_one(pairs: Mapping[str, tuple[Losses, Losses]]) -> Iterator[str]:
    """How many scored answers of only one run were left out, said once for the rows of which it is the same."""
    found: dict[tuple[int, int], list[str]] = {}
    for name, (before, after) in pairs.items():
        lacking = (len(before.keys() - after.keys()), len(after.keys() - before.keys()))
        if any(lacking):
            found.setdefault(lacking, []).append(name)
    for (before_only, after_only), names in found.items():
        counts = [
            f"{counted(number, 'answers')} that only the {place} run has"
            for number, place in ((before_only, "first"), (after_only, "second"))
            if number
        ]
        yield f"{', '.join(names)}: without {' and '.join(counts)}."


def worse(pairs: Sequence[Paired], margin: float) -> list[Paired]:
    """Rows whose mean loss rose by more than the margin, and whose interval, if any, lies above it too."""
    return [
        pair
        for pair in pairs
        if pair.difference.value > margin and (pair.difference.low is None or pair.difference.low > margin)
    ]


def lost(first: Path, second: Path) -> dict[str, int]:
    """By method, how many answers have a loss in the first run but not in the second."""
    before, after = measured_losses(first), measured_losses(second)
    counts = {method: len(losses.keys() - after.get(method, {}).keys()) for method, losses in before.items()}
    return {method: count for method, count in counts.items() if count}


def measured_losses(run: Path) -> dict[str, dict[tuple[str, str], float]]:
    """By method, the loss of every (target, item) of a run's test split that was scored."""
    query = (
        "SELECT method, target, item, json_extract(score, '$.loss') FROM samples "
        "WHERE split = 'test' AND json_extract(score, '$.loss') IS NOT NULL ORDER BY method, target, item"
    )
    losses: dict[str, dict[tuple[str, str], float]] = {}
    with reading(run / LEDGER) as connection:
        for method, target, item, loss in connection.execute(query):
            losses.setdefault(method, {})[target, item] = loss
    return losses


def _means(one: dict[tuple[str, str], float], two: dict[tuple[str, str], float]) -> tuple[Array, Array]:
    """[shared targets], twice: mean loss over the items in both runs."""
    by_target: dict[str, list[tuple[float, float]]] = {}
    for place in sorted(one.keys() & two.keys()):
        by_target.setdefault(place[0], []).append((one[place], two[place]))
    means = np.array([np.mean(pairs, axis=0) for pairs in by_target.values()]).reshape(-1, 2)
    return means[:, 0], means[:, 1]
