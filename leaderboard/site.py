"""Everything that a site's pages are built from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leaderboard.boards import PublishedBoard
from leaderboard.documentation import Documentation
from steerbench.publishing.schema import Published
from steerbench.publishing.speed import PublishedSpeed
from steerbench.publishing.tradeoff_schema import PublishedTradeoff


@dataclass(frozen=True)
class Site:
    """Published runs under `results` and the boards they are on, published timings, trade-offs and documentation."""

    results: Path
    runs: Sequence[Published]
    boards: Sequence[PublishedBoard]
    speeds: Sequence[PublishedSpeed] = ()
    tradeoffs: Sequence[PublishedTradeoff] = ()
    documentation: Documentation | None = None

    @property
    def glossary(self) -> str | None:
        """The path of the glossary, if the site has its documentation."""
        return self.documentation.glossary if self.documentation else None
