"""Saturated readouts: the model answers nearly everything alike, so an effect of steering cannot be measured."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Role
from steerbench.contracts.roles import UNSTEERED
from steerbench.toolkit.flags import percent

Array = NDArray[np.float64]

SATURATED = 0.95
"""The readout is saturated if the unsteered model's most frequent answer has at least this share."""
NARROW = 0.1
"""The readout is also saturated if the standard deviation of expected answers (on 1 to 5) is below this."""
RANGE, MODAL_SHARE = "range", "modal share"


def saturation(metrics: Mapping[str, Metric]) -> str:
    """A phrase that says in which way a row is saturated; "" if it is not."""
    alike, apart = metrics.get(MODAL_SHARE), metrics.get(RANGE)
    if alike is not None and alike.value >= SATURATED:
        return f"one answer to {percent(alike.value)} of statements"
    if apart is not None and apart.value < NARROW:
        return f"expected answers with a standard deviation of {apart.value:.2f}"
    return ""


def saturated_rows(metrics: Mapping[str, Mapping[str, Metric]], roles: Mapping[str, Role]) -> dict[str, str]:
    """By method, why it cannot be judged: the readout is saturated both unsteered and with the method.

    If only the unsteered readout is saturated, the method has moved the model or shows it answers, and can be judged.
    """
    plain = saturation(metrics.get(UNSTEERED, {}))
    found = {name: saturation(of) for name, of in metrics.items() if plain and name not in roles}
    return {name: f"the readout is saturated ({plain} unsteered, {own} here)" for name, own in found.items() if own}


def modal_shares(answers: Array) -> Array:
    """[targets]: share of the most frequent among the readable answers [targets, items]; nan without any."""
    shares = np.full(len(answers), np.nan)
    for target, given in enumerate(answers):
        readable = given[~np.isnan(given)]
        if readable.size:
            shares[target] = np.unique(readable, return_counts=True)[1].max() / readable.size
    return shares


def ranges(expected: Array) -> Array:
    """[targets]: standard deviation (ddof 1) over items of `expected` [targets, items]; nan for fewer than 2."""
    return np.array([of[~np.isnan(of)].std(ddof=1) if (~np.isnan(of)).sum() > 1 else np.nan for of in expected])
