"""Radar charts by trait: a method's headline metric and that of its run's unsteered row."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.boards import PublishedBoard
from leaderboard.known import PublishedMethod
from leaderboard.row import LeaderboardRow
from leaderboard.text import number, value
from steerbench.contracts.roles import UNSTEERED
from steerbench.records.results import MethodResult, MetricRecord

FEWEST, MOST_TRAITS = 3, 16
"""Fewest and most axes of a readable radar."""
MOST = 6
"""Maximum radars on a page, one per board and model."""
REFERENCE = UNSTEERED
MIDDLE, REACH = 160.0, 110.0
"""The centre's coordinates and the radius of the outermost ring, in the drawing's units."""


@dataclass(frozen=True)
class Label:
    text: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True)
class Ring:
    """A circle, its value, and the position of its label between the first two spokes."""

    radius: float
    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Radar:
    board: PublishedBoard
    row: LeaderboardRow
    reference: str
    """The row drawn for comparison; "" if there is none, or it is the row itself."""
    traits: list[tuple[str, MetricRecord | None, MetricRecord | None]]
    rings: list[Ring]
    spokes: list[tuple[float, float]]
    labels: list[Label]
    shape: str
    beside: str
    """The points of the reference's polygon; "" without a reference."""


def radars(known: PublishedMethod) -> list[Radar]:
    """For each board and model, the best row with its headline by trait; strict rows come before published ones."""
    found: dict[tuple[str, str], Radar] = {}
    rows = sorted(known.rows, key=lambda one: one[1].run.plan.protocol != "strict")
    for board, row in rows:
        if (board.path, row.run.model) not in found and (made := _radar(board, row)):
            found[board.path, row.run.model] = made
    return list(found.values())[:MOST]


def _radar(board: PublishedBoard, row: LeaderboardRow) -> Radar | None:
    headline = next(iter(row.result.metrics), "")
    of_row = by_trait(row.result, headline)
    beside = row.run.methods.get(REFERENCE) if row.name != REFERENCE else None
    of_other = by_trait(beside, headline) if beside is not None else {}
    known = {trait: found for trait, metric in of_row.items() if (found := value(metric)) is not None}
    if not FEWEST <= len(known) <= MOST_TRAITS:
        return None
    other = {trait: v for trait in known if (v := value(of_other.get(trait))) is not None}
    drawn = len(other) == len(known)
    low, high, step = _scale([*known.values(), *(other.values() if drawn else ())])
    angles = [2 * math.pi * place / len(known) for place in range(len(known))]

    def points(values: Sequence[float]) -> str:
        at = [_at(angle, (v - low) / (high - low)) for angle, v in zip(angles, values, strict=True)]
        return " ".join(f"{x},{y}" for x, y in at)

    count = round((high - low) / step)
    return Radar(
        board=board,
        row=row,
        reference=REFERENCE if other else "",
        traits=[(trait, of_row[trait], of_other.get(trait)) for trait in known],
        rings=[_ring(n / count, _written(low + n * step, step), math.pi / len(known)) for n in range(1, count + 1)],
        spokes=[_at(angle, 1.0) for angle in angles],
        labels=[_label(trait, angle) for trait, angle in zip(known, angles, strict=True)],
        shape=points(list(known.values())),
        beside=points([other[trait] for trait in known]) if drawn else "",
    )


def by_trait(result: MethodResult, headline: str) -> dict[str, MetricRecord]:
    """A metric's break-down by trait. Parts by pole ("C+", "C-") and by pairs of traits ("C on A") are left out."""
    start = f"{headline} "
    parts = {name.removeprefix(start): m for name, m in result.metrics.items() if headline and name.startswith(start)}
    return {part: metric for part, metric in parts.items() if part and " " not in part and part[-1] not in "+-"}


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """The rings' lowest and highest value and a round step. The scale starts at 0 unless a value is negative."""
    low, high = min(0.0, *values), max(0.0, *values)
    span = max(high - low, 1e-9)
    step = next(
        s for s in (10.0 ** math.floor(math.log10(span)) * f for f in (0.2, 0.5, 1.0, 2.0, 5.0)) if span / s <= 4.0001
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return first * step, max(last, first + 1) * step, step


def _at(angle: float, share: float) -> tuple[float, float]:
    """A point at an angle clockwise from the top."""
    reach = REACH * min(max(share, 0.0), 1.0)
    return round(MIDDLE + reach * math.sin(angle), 1), round(MIDDLE - reach * math.cos(angle), 1)


def _ring(share: float, text: str, angle: float) -> Ring:
    x, y = _at(angle, share)
    return Ring(round(REACH * share, 1), text, x, round(y + 4, 1))


def _label(trait: str, angle: float) -> Label:
    x, y = MIDDLE + (REACH + 14) * math.sin(angle), MIDDLE - (REACH + 14) * math.cos(angle)
    side = math.sin(angle)
    return Label(trait, round(x, 1), round(y + 4, 1), "start" if side > 0.2 else "end" if side < -0.2 else "middle")


def _written(found: float, step: float) -> str:
    return number(found, max(0, -math.floor(math.log10(step) + 1e-9)))
