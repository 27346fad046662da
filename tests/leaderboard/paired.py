"""Runs whose losses a test chooses, and an oracle of their paired comparison that reads the Parquet alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from steerbench.publishing.columns import COLUMNS
from steerbench.publishing.schema import Published
from tests.leaderboard.made_up import put, sample


def make(folder: Path, one: Published, asked: list[tuple[str, str]], loss: Callable[..., Any], **told: Any) -> None:
    """Puts a run there whose losses are `loss(place of the method, target, item)`; None was not readable."""
    rows = []
    for place, name in enumerate(one.methods):
        for target, item in asked:
            value = loss(place, target, item)
            scored = {"loss": value, "unscored": "unreadable" if value is None else ""}
            rows.append(sample(name, place, target, item, **scored | told))
    put(folder, one, pl.DataFrame(rows, schema=COLUMNS, orient="row"))


def losses(seed: int, lacking: float = 0.1, step: float = 0.0, of_targets: bool = False) -> Callable[..., Any]:
    """Random losses that an item's answers, or a target's, share most of; some are missing, in steps there are ties."""
    rng = np.random.default_rng(seed)
    shared: dict[Any, float] = {}

    def loss(place: int, target: str, item: str) -> float | None:
        common = shared.setdefault((place, target if of_targets else item), float(rng.normal()))
        value = 2 + 0.3 * place * (target[-1] == "+") + common + 0.2 * float(rng.normal())
        value = round(value / step) * step if step else value
        return None if rng.random() < lacking else value

    return loss


class Oracle:
    """Two rows' paired losses, from the Parquet."""

    def __init__(self, site: Path, a: tuple[str, str], b: tuple[str, str]) -> None:
        one, two = (self._read(site.parent / "results" / name, method) for name, method in (a, b))
        joined = one.join(two, on=["target", "item"], how="inner", maintain_order="left", suffix="_b")
        self.shared = joined.height
        self.lacking = [joined["loss"].null_count(), joined["loss_b"].null_count()]
        self.pairs = joined.drop_nulls(["loss", "loss_b"]).with_columns(d=pl.col("loss") - pl.col("loss_b"))

    @staticmethod
    def _read(folder: Path, method: str) -> pl.DataFrame:
        return pl.read_parquet(folder / "samples.parquet").filter(pl.col("method") == method)

    @property
    def d(self) -> Any:
        return self.pairs["d"].to_numpy()

    def units(self, by: str) -> Any:
        """[units]: the mean difference of each."""
        return self.pairs.group_by(by).agg(pl.col("d").mean())["d"].to_numpy()

    def interval(self, by: str) -> tuple[float, float]:
        """Student's."""
        found = stats.ttest_1samp(self.units(by), 0.0).confidence_interval(0.95)
        return float(found.low), float(found.high)

    def p(self, by: str) -> float:
        """Every pattern of signs for few units, else many random ones."""
        values = self.units(by)
        if len(values) <= 14:
            signs = np.array(np.meshgrid(*[[-1, 1]] * len(values))).reshape(len(values), -1).T
        else:
            signs = np.random.default_rng(7).choice([-1, 1], size=(40_000, len(values)))
        return float((np.abs(signs @ values) >= abs(values.sum()) - 1e-9).mean())

    def changed(self, sign: int) -> list[tuple[str, str]]:
        """The ten largest differences to one side; what is equal stays in the order it was asked in."""
        order = np.argsort(sign * self.d, kind="stable")
        return [self.pairs.row(i)[1:3] for i in order if sign * self.d[i] < 0][:10]
