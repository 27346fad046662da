"""What a site is made of: everything that pages are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leaderboard.boards import PublishedBoard
from steerbench.publishing.schema import Published
from steerbench.publishing.speed import PublishedSpeed
from steerbench.publishing.tradeoff_schema import PublishedTradeoff


@dataclass(frozen=True)
class Site:
    """The published runs under `results`, the boards that they stand on, published timings and trade-offs."""

    results: Path
    runs: Sequence[Published]
    boards: Sequence[PublishedBoard]
    speeds: Sequence[PublishedSpeed] = ()
    tradeoffs: Sequence[PublishedTradeoff] = ()
