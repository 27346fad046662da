"""What rows that need no model take from other people, and how they put what they expect of a person."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.targets import LABELS, Item, Others, Respondent, Target
from steerbench.errors import UserError

DIGITS = 6
"""Of an expected tick. Sums are rounded differently by other processors and numbers of threads. Cut to six digits a
reply is the same on all of them, what is halfway between two ticks is so exactly, and a published row can be made
again."""


def others_of(method: str, target: Target) -> Others:
    """The other people of a respondent.

    Raises:
        UserError: the target is no respondent, or comes without the answers of others.
    """
    if not isinstance(target, Respondent) or target.others is None or not len(target.others.ticks):
        raise UserError(
            f"{method} needs the answers of other people, but nobody else's answers are known for '{target.id}'; "
            "use it on an inventory with several respondents."
        )
    return target.others


def expected_ticks(items: Sequence[Item], scores: NDArray[np.float64]) -> dict[str, float]:
    """By item id, keyed scores [items] as ticks within the scale, not rounded to one; what has no score is left out."""
    within = np.round(np.clip(scores, min(LABELS), max(LABELS)), DIGITS).tolist()
    return {item.id: item.keyed(score) for item, score in zip(items, within, strict=True) if not np.isnan(score)}
