"""Compares two runs method by method over the targets that both have."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.errors import UserError
from steerbench.records.found_ledgers import LEDGER, reading
from steerbench.statistics import holm, mean_estimate, sign_flip_test

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """A method in two runs: its mean loss in each, and the second minus the first with an interval."""

    method: str
    first: float
    second: float
    difference: Metric
    p: float
    p_holm: float


def compare(first: Path, second: Path, seed: int = 0) -> list[Paired]:
    """Paired sign-flip tests of all methods in both runs, Holm-corrected.

    A target counts by its mean loss over the test items that have a loss in both runs.

    Raises:
        UserError: a run cannot be read, or the two share no method or no target.
    """
    losses = [measured_losses(run) for run in (first, second)]
    shared = [method for method in losses[0] if method in losses[1]]
    if not shared:
        raise UserError(f"The runs {first} and {second} share no method: there is nothing to compare.")
    pairs = {method: _means(losses[0][method], losses[1][method]) for method in shared}
    for method, (one, _) in pairs.items():
        if not len(one):
            raise UserError(
                f"The runs {first} and {second} share no target of '{method}': they asked different people."
            )
    p_values = [sign_flip_test(two - one, np.random.default_rng(seed)) for one, two in pairs.values()]
    return [
        Paired(
            method,
            float(one.mean()),
            float(two.mean()),
            mean_estimate(two - one),
            p,
            adjusted,
        )
        for (method, (one, two)), p, adjusted in zip(pairs.items(), p_values, holm(p_values), strict=True)
    ]


def worse(pairs: Sequence[Paired], margin: float) -> list[Paired]:
    """Methods whose mean loss rose by more than `margin`, and whose interval, if any, is above it too."""
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
