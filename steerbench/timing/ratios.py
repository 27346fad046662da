"""The ratio of a method's cost to its reference's, from rounds, with its interval."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.timing.schema import Per, Ratio, Round, SideMeasurement

Array = NDArray[np.float64]

RESAMPLES = 4000
TAILS = (0.025, 0.975)


def ratio_of(rounds: Sequence[Round], per: Per) -> Ratio:
    """A case's ratio from its rounds; deterministic."""
    values = paired_ratios(rounds, per)
    low, high = np.quantile(resampled(values, np.median, np.random.default_rng(0)), TAILS)
    return Ratio(values=values.tolist(), median=float(np.median(values)), low=float(low), high=float(high))


def paired_ratios(rounds: Sequence[Round], per: Per) -> Array:
    """[rounds]: the method's cost divided by the reference's."""
    return np.array([cost(one.method, per) / cost(one.reference, per) for one in rounds])


def cost(side: SideMeasurement, per: Per) -> float:
    """Seconds, or seconds per generated token."""
    return side.seconds / (max(side.generated_tokens, 1) if per == "second per generated token" else 1)


def resampled(values: Array, statistic: Callable[..., Array], rng: np.random.Generator) -> Array:
    """[resamples]: the statistic of rounds drawn with replacement, as many as there are."""
    drawn = rng.integers(values.size, size=(RESAMPLES, values.size))
    return np.asarray(statistic(values[drawn], axis=1))
