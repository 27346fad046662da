"""Other people's answers, and predicted scores as replies: shared by the baselines that need no model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.targets import LABELS, Item, Others, Respondent, Target
from steerbench.errors import UserError

DIGITS = 6
"""Decimals of a predicted tick. Sums differ in their last bits between processors and thread counts. Rounded to six
decimals, a reply is the same on all of them and a tie between two ticks is an exact tie, so published rows
reproduce."""


def others_of(method: str, target: Target) -> Others:
    """The other people's answers that come with a respondent.

    Raises:
        UserError: the target is not a respondent, or has no answers of other people.
    """
    if not isinstance(target, Respondent) or target.others is None or not len(target.others.ticks):
        raise UserError(
            f"{method} needs the answers of other people, but there are none for '{target.id}'; "
            "use it on an inventory with several respondents."
        )
    return target.others


def expected_ticks(items: Sequence[Item], scores: NDArray[np.float64]) -> dict[str, float]:
    """Keyed scores [items] as ticks by item id, clipped to the scale but not to whole numbers; nan is left out."""
    within = np.round(np.clip(scores, min(LABELS), max(LABELS)), DIGITS).tolist()
    return {item.id: item.keyed(score) for item, score in zip(items, within, strict=True) if not np.isnan(score)}
