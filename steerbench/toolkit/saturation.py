"""Whether a readout says one thing to everything: nothing can then be read off it, and "no effect" means nothing."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Role
from steerbench.toolkit.flags import percent

Array = NDArray[np.float64]

SATURATED = 0.95
"""Share of the unsteered model's most frequent answer from which on nothing can be read off it: it says one thing to
everything."""
NARROW = 0.1
"""Standard deviation of the expected answers (points of five) below which nothing can be read off them either."""
RANGE, MODAL_SHARE = "range", "modal share"
UNSTEERED = "unsteered"


def saturation(metrics: Mapping[str, Metric]) -> str:
    """How a row says one thing to everything, in words; "" if it does not."""
    alike, apart = metrics.get(MODAL_SHARE), metrics.get(RANGE)
    if alike is not None and alike.value >= SATURATED:
        return f"one answer to {percent(alike.value)} of statements"
    if apart is not None and apart.value < NARROW:
        return f"expected answers with a standard deviation of {apart.value:.2f}"
    return ""


def saturated_rows(metrics: Mapping[str, Mapping[str, Metric]], roles: Mapping[str, Role]) -> dict[str, str]:
    """By method, why nothing can be told of it: the readout is saturated without it and with it.

    A method that is not, on a readout that is, has moved the model or shows it answers; it can be judged.
    """
    plain = saturation(metrics.get(UNSTEERED, {}))
    found = {name: saturation(of) for name, of in metrics.items() if plain and name not in roles}
    return {name: f"the readout is saturated ({plain} unsteered, {own} here)" for name, own in found.items() if own}


def modal_shares(answers: Array) -> Array:
    """[targets]: share of the readable answers [targets, items] that are the most frequent one; nan without any."""
    shares = np.full(len(answers), np.nan)
    for target, given in enumerate(answers):
        readable = given[~np.isnan(given)]
        if readable.size:
            shares[target] = np.unique(readable, return_counts=True)[1].max() / readable.size
    return shares


def ranges(expected: Array) -> Array:
    """[targets]: standard deviation (ddof 1) over items of what is expected [targets, items]; nan for fewer than 2."""
    return np.array([of[~np.isnan(of)].std(ddof=1) if (~np.isnan(of)).sum() > 1 else np.nan for of in expected])
