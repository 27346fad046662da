"""A whole board from a task's metrics: estimates, comparisons with the rows to beat, flags."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Comparison, Metric, Role, Scored, Summary
from steerbench.contracts.flags import Flag
from steerbench.contracts.roles import UNSTEERED
from steerbench.statistics import paired_comparisons
from steerbench.toolkit.boards.answers import Answers, answers_of
from steerbench.toolkit.boards.metric import BoardMetric, Columns

BESIDE_UNSTEERED: Mapping[str, Role] = {UNSTEERED: UNSTEERED}
"""The rows of a board that measures what a steering costs."""
NOT_TO_BEAT: tuple[Role, ...] = ("ceiling", "control")


def board(
    scored: Mapping[str, Sequence[Scored]],
    headline: BoardMetric,
    metrics: Sequence[Columns],
    roles: Mapping[str, Role],
    over: str,
    seed: int,
    nothing_to_lose: Callable[[Answers], str],
    unread: Callable[[Mapping[str, Mapping[str, Metric]]], str] | None = None,
) -> Summary:
    """Every row that has answers by the metrics; comparisons test the headline, which is the first of them.

    `nothing_to_lose` says of the unsteered row, and `unread` of the controls' metrics, why the board can judge no
    method; "" if it can. Controls may be asked less, so they stand by themselves and are compared with nothing.
    """
    grids = {name: answers_of(of_row, over, seed) for name, of_row in scored.items() if of_row}
    plain = next((grid for name, grid in grids.items() if roles.get(name) == "unsteered"), None)
    rows = {
        name: grid if plain is None or grid is plain or roles.get(name) == "control" else grid.beside(plain)
        for name, grid in grids.items()
    }
    found = {name: _columns(row, metrics) for name, row in rows.items()}
    measured = {name: row for name, row in rows.items() if roles.get(name) != "control"}
    losses = _losses(measured, headline)
    flags = {name: _flags(row, metrics, found[name]) if name in measured else [] for name, row in rows.items()}
    cannot_tell = unread(found) if unread is not None else ""
    if plain is not None:
        cannot_tell = cannot_tell or nothing_to_lose(plain)
    return Summary(found, comparisons(losses, roles, seed), flags, headline.higher_is_better, over, cannot_tell)


def comparisons(
    losses: Mapping[str, NDArray[np.float64]], roles: Mapping[str, Role], seed: int
) -> dict[str, list[Comparison]]:
    """Each method against every row that there is to beat, Holm-corrected, by losses of the same units [units]."""
    to_beat = [name for name, role in roles.items() if role not in NOT_TO_BEAT and name in losses]
    return {
        name: paired_comparisons(losses, name, to_beat, np.random.default_rng(seed))
        for name in losses
        if name not in roles
    }


def _columns(row: Answers, metrics: Sequence[Columns]) -> dict[str, Metric]:
    return {name: found for metric in metrics for name, found in metric(row).items()}


def _flags(row: Answers, metrics: Sequence[Columns], columns: Mapping[str, Metric]) -> list[Flag]:
    found = [metric.flag(row, columns) for metric in metrics if isinstance(metric, BoardMetric)]
    return [flag for flag in found if flag is not None]


def _losses(rows: Mapping[str, Answers], headline: BoardMetric) -> dict[str, NDArray[np.float64]]:
    """By row, the headline's losses [units] on the units of the whole board; nan where a row lacks one."""
    units = list(dict.fromkeys(unit for row in rows.values() for unit in _units(row)))
    place = {unit: number for number, unit in enumerate(units)}
    found = {}
    for name, row in rows.items():
        found[name] = np.full(len(units), np.nan)
        found[name][[place[unit] for unit in _units(row)]] = headline.losses(row)
    return found


def _units(row: Answers) -> tuple[str, ...]:
    return row.items if row.by_item else row.targets
